import { randomBytes, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { S3Client } from "@aws-sdk/client-s3";
import pg from "pg";
import { catalogSql } from "./catalog.ts";
import { type Isolation, type SessionOptions, serveSession } from "./session.ts";
import { encode, encodeError } from "./wire.ts";

export interface RedshiftOptions {
  readonly postgres: { readonly socketDir: string; readonly port: number };
  /** A database for the double alone, owned by `dagline_loader`. */
  readonly database: string;
  readonly s3: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  };
  readonly isolation?: Isolation;
  /** The only role that COPY may name. */
  readonly iamRole: string;
}

export interface LocalRedshift {
  readonly host: "127.0.0.1";
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Ends every connection, as when a cluster is paused or the network breaks. */
  cut(): void;
  close(): Promise<void>;
}

const user = "dagline_loader";

/** A stand-in for Redshift over a database of the local PostgreSQL. What it imitates: docs/architecture.md. */
export async function startRedshift(options: RedshiftOptions): Promise<LocalRedshift> {
  const { postgres, database } = options;
  const admin = new pg.Client({ host: postgres.socketDir, port: postgres.port, user: "postgres", database });
  await admin.connect();
  await admin.query(catalogSql);
  const s3 = new S3Client({ ...options.s3, forcePathStyle: true });
  const password = randomBytes(18).toString("base64url");
  const sockets = new Set<Socket>();
  const session: SessionOptions = {
    place: { ...postgres, user, database },
    isolation: options.isolation ?? "SNAPSHOT",
    iamRole: options.iamRole,
    s3,
    async keepError({ table, message, context }) {
      const [, line = "0", column = ""] = /line (\d+)(?:, column ([^:]+))?/.exec(context) ?? [];
      const text =
        "INSERT INTO sys_load_error_detail (table_name, line_number, column_name, error_code, error_message) VALUES ($1, $2, $3, 1204, $4)";
      await admin.query(text, [table, line, column, message]);
    },
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    logIn(socket, password, (rest) => serveSession(socket, rest, session));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    user,
    password,
    database,
    cut,
    async close() {
      cut();
      server.close();
      await admin.end();
      s3.destroy();
    },
  };
}

/** Asks for the password in clear text: the connection never leaves this machine. TLS is declined. */
function logIn(socket: Socket, password: string, done: (rest: Buffer) => void): void {
  let bytes = Buffer.alloc(0);
  let asked = false;
  const take = (chunk: Buffer): void => {
    bytes = Buffer.concat([bytes, chunk]);
    const head = asked ? 1 : 0;
    if (bytes.length < head + 8 || bytes.length < head + bytes.readInt32BE(head)) return;
    const end = head + bytes.readInt32BE(head);
    const message = bytes.subarray(0, end);
    bytes = bytes.subarray(end);
    if (!asked) {
      const isTls = message.readInt32BE(4) === 80_877_103;
      asked = !isTls;
      socket.write(isTls ? "N" : encode("R", Buffer.from([0, 0, 0, 3])));
      return;
    }
    socket.off("data", take);
    const given = message.subarray(5, -1);
    const wanted = Buffer.from(password);
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
      socket.end(encodeError("28000", "password authentication failed"));
      return;
    }
    // PostgreSQL's own greeting follows: it says that the client is in.
    done(bytes);
  };
  socket.on("data", take);
}
