import { connect, type Socket } from "node:net";
import { encode, encodeStartup, type Message, messageReader, readError } from "./wire.ts";

/** An error of PostgreSQL in answer to a statement of the double's own. */
export class UpstreamError extends Error {
  readonly fields: ReadonlyMap<string, string>;
  constructor(fields: ReadonlyMap<string, string>) {
    super(fields.get("M"));
    this.fields = fields;
  }
}

/** The double's connection to PostgreSQL. Answers go to the client, but for those of the double's own statements. */
export interface Upstream {
  /** I: idle, T: in a transaction, E: in one that failed. */
  status(): string;
  send(type: string, body: Buffer): void;
  /** Resolves when PostgreSQL has answered all that was sent. */
  settled(): Promise<void>;
  /** Runs a statement whose answer the client does not see; gives its command tag. */
  run(sql: string, data?: AsyncIterable<Uint8Array>): Promise<string>;
  end(): void;
}

interface Place {
  readonly socketDir: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
}

export function openUpstream(place: Place, forward: (message: Message) => void, closed: () => void): Upstream {
  const socket: Socket = connect(`${place.socketDir}/.s.PGSQL.${place.port}`);
  const read = messageReader();
  let status = "I";
  let pending = 1;
  let own: ((message: Message) => void) | undefined;
  let waiting: (() => void)[] = [];
  const settle = (): void => {
    for (const go of waiting.splice(0)) go();
    waiting = [];
  };
  socket.on("data", (chunk: Buffer) => {
    for (const message of read(chunk)) {
      if (message.type === "Z") {
        status = message.body.toString();
        pending--;
      }
      if (own !== undefined) own(message);
      else forward(message);
      if (pending === 0) settle();
    }
  });
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    settle();
    closed();
  });
  socket.write(encodeStartup(place.user, place.database));
  const settled = (): Promise<void> => new Promise((resolve) => (pending === 0 || socket.destroyed ? resolve() : waiting.push(resolve)));
  return {
    status: () => status,
    settled,
    send(type, body) {
      if (type === "Q" || type === "S") pending++;
      socket.write(encode(type, body));
    },
    async run(sql, data) {
      await settled();
      let tag = "";
      let failure: UpstreamError | undefined;
      await new Promise<void>((resolve, reject) => {
        const gone = (): void => reject(new Error("PostgreSQL is gone"));
        socket.once("close", gone);
        own = ({ type, body }) => {
          if (type === "C") tag = body.toString().replace(/\0$/, "");
          if (type === "E") failure = new UpstreamError(readError(body));
          if (type === "G" && data !== undefined)
            feed(socket, data).catch((error: unknown) => socket.write(encode("f", `${String(error)}\0`)));
          if (type !== "Z") return;
          own = undefined;
          socket.off("close", gone);
          resolve();
        };
        pending++;
        socket.write(encode("Q", `${sql}\0`));
      });
      if (failure !== undefined) throw failure;
      return tag;
    },
    end: () => void socket.destroy(),
  };
}

async function feed(socket: Socket, data: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of data)
    if (!socket.write(encode("d", Buffer.from(chunk)))) await new Promise<void>((resolve) => socket.once("drain", resolve));
  socket.write(encode("c"));
}
