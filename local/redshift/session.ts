import type { Socket } from "node:net";
import type { S3Client } from "@aws-sdk/client-s3";
import { CopyError, filesOf, openObject, readCopy } from "./copy.ts";
import { readStatement, type Statement } from "./statement.ts";
import { openUpstream, type Upstream, UpstreamError } from "./upstream.ts";
import { encode, encodeError, type Message, messageReader, readError } from "./wire.ts";

/** "Isolation levels in Amazon Redshift": SNAPSHOT is the default of new clusters and workgroups. */
export type Isolation = "SNAPSHOT" | "SERIALIZABLE";

export interface SessionOptions {
  readonly place: { readonly socketDir: string; readonly port: number; readonly user: string; readonly database: string };
  readonly isolation: Isolation;
  readonly iamRole: string;
  readonly s3: S3Client;
  /** Keeps a bad row where a rollback does not reach it. */
  readonly keepError: (row: { table: string; message: string; context: string }) => Promise<void>;
}

/** Serves a client that has logged in, statement by statement. */
export function serveSession(client: Socket, first: Buffer, options: SessionOptions): void {
  const session = new Session(client, options);
  const read = messageReader();
  let work = session.start();
  const take = (chunk: Buffer): void => {
    for (const message of read(chunk)) work = work.then(() => session.take(message)).catch(() => void client.destroy());
  };
  client.on("data", take);
  client.on("close", () => session.end());
  if (first.length > 0) take(first);
}

class Session {
  readonly #client: Socket;
  readonly #options: SessionOptions;
  readonly #up: Upstream;
  /** After an error in the extended protocol everything up to Sync is skipped. */
  #skipping = false;

  constructor(client: Socket, options: SessionOptions) {
    this.#client = client;
    this.#options = options;
    this.#up = openUpstream(
      options.place,
      (message) => void client.write(this.#translate(message)),
      () => client.destroy(),
    );
  }

  async start(): Promise<void> {
    await this.#up.settled();
    const level = this.#options.isolation === "SNAPSHOT" ? "repeatable read" : "serializable";
    await this.#up.run(`SET default_transaction_isolation = '${level}'`);
  }

  end(): void {
    this.#up.end();
  }

  async take({ type, body }: Message): Promise<void> {
    if (type === "X") return void this.#client.end();
    if (type === "Q") return await this.#simple(readStatement(body.toString().replace(/\0$/, "")));
    if (this.#skipping && type !== "S") return;
    if (type === "S" && this.#skipping) {
      this.#skipping = false;
      this.#ready();
      return;
    }
    if (type === "P") return await this.#parse(body);
    this.#up.send(type, body);
  }

  async #parse(body: Buffer): Promise<void> {
    const nameEnd = body.indexOf(0);
    const sqlEnd = body.indexOf(0, nameEnd + 1);
    const statement = readStatement(body.toString("utf8", nameEnd + 1, sqlEnd));
    try {
      if (statement.kind === "copy" || statement.kind === "commits")
        throw new CopyError("the double takes this statement only without parameters");
      const sql = await this.#prepare(statement);
      this.#up.send("P", Buffer.concat([body.subarray(0, nameEnd + 1), Buffer.from(sql), body.subarray(sqlEnd)]));
    } catch (error) {
      this.#skipping = true;
      await this.#fail(error);
    }
  }

  async #simple(statement: Statement): Promise<void> {
    try {
      if (statement.kind === "copy") return await this.#copy(statement.sql);
      if (statement.kind === "commits") return await this.#commitWith(statement);
      this.#up.send("Q", Buffer.from(`${await this.#prepare(statement)}\0`));
      await this.#up.settled();
    } catch (error) {
      await this.#fail(error);
      this.#ready();
    }
  }

  /** Takes the snapshot, then the table's write lock: who waited for it still sees what was there before. "Write and read/write operations". */
  async #prepare(statement: Statement): Promise<string> {
    if (statement.kind === "refused") throw new CopyError(statement.message);
    await this.#up.settled();
    const inBlock = this.#up.status() === "T";
    // "ALTER TABLE".
    if (inBlock && /^alter\s+table\b[\s\S]*\balter\s+column\b[\s\S]*\btype\b/i.test(statement.sql))
      throw new CopyError("ALTER TABLE ALTER COLUMN cannot run inside a transaction block");
    if (statement.kind === "write" && inBlock) await this.#lock(statement.table);
    return statement.sql;
  }

  async #lock(table: string): Promise<void> {
    await this.#up.run("SELECT 1");
    await this.#up.run(`LOCK TABLE ${table} IN EXCLUSIVE MODE`);
  }

  async #copy(sql: string): Promise<void> {
    const copy = readCopy(sql);
    const { s3, iamRole, keepError } = this.#options;
    if (copy.iamRole !== iamRole) throw new CopyError(`User is not authorized to assume IAM Role ${copy.iamRole}`);
    await this.#up.settled();
    if (this.#up.status() === "E") throw new CopyError("current transaction is aborted, commands ignored until end of transaction block");
    const files = await filesOf(s3, copy);
    if (this.#up.status() === "T") await this.#lock(copy.target.replace(/\([\s\S]*$/, ""));
    const rows = async function* (): AsyncGenerator<Uint8Array> {
      for (const place of files) for await (const chunk of ((await openObject(s3, place)) ?? []) as AsyncIterable<Uint8Array>) yield chunk;
    };
    const mark = copy.nullAs.replaceAll("'", "''");
    try {
      const tag = await this.#up.run(`COPY ${copy.target} FROM STDIN WITH (FORMAT csv, NULL '${mark}')`, rows());
      const count = Number(/\d+$/.exec(tag)?.[0] ?? 0);
      await this.#up.run(`SET redshift_double.copied = '${count}'`);
      this.#client.write(
        encode("N", `SINFO\0C00000\0MLoad into table '${copy.target}' completed, ${count} record(s) loaded successfully.\0\0`),
      );
      this.#client.write(encode("C", "COPY\0"));
      this.#ready();
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      await keepError({ table: copy.target, message: error.message, context: error.fields.get("W") ?? "" });
      throw new CopyError(`Load into table '${copy.target}' failed. Check 'sys_load_error_detail' system table for details.`);
    }
  }

  /** "TRUNCATE", "VACUUM": they commit what the transaction has done. */
  async #commitWith(statement: Extract<Statement, { kind: "commits" }>): Promise<void> {
    await this.#up.settled();
    if (this.#up.status() === "E") throw new CopyError("current transaction is aborted, commands ignored until end of transaction block");
    if (statement.word === "TRUNCATE") await this.#up.run(statement.sql);
    if (this.#up.status() === "T") await this.#up.run("COMMIT");
    this.#client.write(encode("C", `${statement.word}\0`));
    this.#ready();
  }

  /** Tells the client, and makes PostgreSQL's transaction fail as Redshift's does. */
  async #fail(error: unknown): Promise<void> {
    if (this.#up.status() === "T") await this.#up.run("SELECT 1/0").catch(() => {});
    if (error instanceof UpstreamError) {
      this.#client.write(encodeError(...this.#asRedshift(error.fields)));
      return;
    }
    if (!(error instanceof CopyError)) throw error;
    this.#client.write(encodeError("XX000", error.message));
  }

  #ready(): void {
    this.#client.write(encode("Z", this.#up.status()));
  }

  #translate(message: Message): Buffer {
    if (message.type !== "E") return encode(message.type, message.body);
    const fields = readError(message.body);
    return fields.get("C") === "40001" ? encodeError(...this.#asRedshift(fields)) : encode("E", message.body);
  }

  /** Under SERIALIZABLE a cycle gives 1023. "Isolation levels in Amazon Redshift". */
  #asRedshift(fields: ReadonlyMap<string, string>): [string, string, string | undefined] {
    const code = fields.get("C") ?? "XX000";
    if (code === "40001" && this.#options.isolation === "SERIALIZABLE")
      return ["XX000", "1023", "Serializable isolation violation on table"];
    return [code, fields.get("M") ?? "", fields.get("D")];
  }
}
