import type pg from "pg";

/** libpq sends messages of this size or less; PostgreSQL reads a message as a whole before it looks at its rows. */
const FRAME = 64 * 1024;
/** `d` and the length, which counts itself: https://www.postgresql.org/docs/current/protocol-message-formats.html, "CopyData". */
const HEAD = 5;
const COPY_DONE = Buffer.from([0x63, 0, 0, 0, 4]);

/**
 * Sends `source` into a `COPY … FROM STDIN` and resolves to the number of rows, once PostgreSQL has taken all. Each chunk is copied
 * before the next is asked for, into two buffers in turn, so that memory stays flat whatever the size. Rejects as soon as PostgreSQL refuses; an error
 * of `source` ends the COPY and is passed on. `source` is closed in any case.
 */
export function copyIn(client: pg.Client, sql: string, source: Iterable<Buffer> | AsyncIterable<Buffer>): Promise<number> {
  return new Promise((resolve, reject) => client.query(new CopyIn(sql, source, resolve, reject)));
}

/** What pg calls a Submittable: https://node-postgres.com/apis/client#clientquery */
class CopyIn {
  readonly #sql: string;
  readonly #source: Iterable<Buffer> | AsyncIterable<Buffer>;
  readonly #resolve: (rows: number) => void;
  readonly #reject: (error: unknown) => void;
  #rows = 0;
  #isOver = false;

  constructor(
    sql: string,
    source: Iterable<Buffer> | AsyncIterable<Buffer>,
    resolve: (rows: number) => void,
    reject: (error: unknown) => void,
  ) {
    this.#sql = sql;
    this.#source = source;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  submit(connection: pg.Connection): void {
    connection.query(this.#sql);
  }

  handleCopyInResponse(connection: pg.Connection): void {
    this.#send(connection).then(
      // Once it is over, another COPY may be under way on the connection.
      () => this.#isOver || connection.stream.write(COPY_DONE),
      (error: unknown) => {
        if (!this.#isOver) connection.stream.write(copyFail(error instanceof Error ? error.message : String(error)));
        this.#settle(() => this.#reject(error));
      },
    );
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    this.#rows = Number(/^COPY (\d+)/.exec(text)?.[1] ?? 0);
  }

  handleReadyForQuery(): void {
    this.#settle(() => this.#resolve(this.#rows));
  }

  handleError(error: Error): void {
    this.#settle(() => this.#reject(error));
  }

  #settle(act: () => void): void {
    if (!this.#isOver) act();
    this.#isOver = true;
  }

  async #send(connection: pg.Connection): Promise<void> {
    const frames = [Buffer.allocUnsafe(HEAD + FRAME), Buffer.allocUnsafe(HEAD + FRAME)] as const;
    let frame: Buffer = frames[0];
    let other: Buffer = frames[1];
    let used = HEAD;
    let sent: Promise<void> = Promise.resolve();
    const flush = async (): Promise<void> => {
      frame[0] = 0x64;
      frame.writeUInt32BE(used - 1, 1);
      await sent;
      if (this.#isOver) return;
      sent = written(connection, frame.subarray(0, used));
      [frame, other] = [other, frame];
      used = HEAD;
    };
    for await (const chunk of this.#source) {
      for (let at = 0; at < chunk.length && !this.#isOver; ) {
        const part = Math.min(chunk.length - at, frame.length - used);
        chunk.copy(frame, used, at, at + part);
        at += part;
        used += part;
        if (used === frame.length) await flush();
      }
      if (this.#isOver) return;
    }
    if (used > HEAD) await flush();
    await sent;
  }
}

function written(connection: pg.Connection, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.stream.write(bytes, (error) => (error == null ? resolve() : reject(error)));
  });
}

function copyFail(message: string): Buffer {
  const text = Buffer.from(`${message.replaceAll("\0", "")}\0`);
  const head = Buffer.from([0x66, 0, 0, 0, 0]);
  head.writeUInt32BE(text.length + 4, 1);
  return Buffer.concat([head, text]);
}
