/** A message of PostgreSQL's protocol: its type, and what follows its length. "Message Formats" in PostgreSQL's documentation. */
export interface Message {
  readonly type: string;
  readonly body: Buffer;
}

/** Cuts a stream of bytes into whole messages; the rest waits for the next call. */
export function messageReader(): (chunk: Buffer) => Message[] {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const messages: Message[] = [];
    let at = 0;
    while (rest.length - at >= 5) {
      const end = at + 1 + rest.readInt32BE(at + 1);
      if (end > rest.length) break;
      messages.push({ type: String.fromCharCode(rest[at] ?? 0), body: rest.subarray(at + 5, end) });
      at = end;
    }
    rest = rest.subarray(at);
    return messages;
  };
}

export function encode(type: string, body: Buffer | string = ""): Buffer {
  const bytes = Buffer.from(body);
  const head = Buffer.alloc(5);
  head.write(type, 0, "latin1");
  head.writeInt32BE(bytes.length + 4, 1);
  return Buffer.concat([head, bytes]);
}

/** The message that opens a connection; it has no type. */
export function encodeStartup(user: string, database: string): Buffer {
  const words = Buffer.from(`user\0${user}\0database\0${database}\0\0`);
  const head = Buffer.alloc(8);
  head.writeInt32BE(words.length + 8, 0);
  head.writeInt32BE(196_608, 4);
  return Buffer.concat([head, words]);
}

export function encodeError(code: string, message: string, detail?: string): Buffer {
  return encode("E", `SERROR\0VERROR\0C${code}\0M${message}\0${detail === undefined ? "" : `D${detail}\0`}\0`);
}

/** The fields of an error, by their letters. */
export function readError(body: Buffer): ReadonlyMap<string, string> {
  const parts = body.toString().split("\0");
  return new Map(parts.filter((part) => part !== "").map((part) => [part.slice(0, 1), part.slice(1)]));
}
