import type { Readable } from "node:stream";

/**
 * One connection to the database that rows are loaded into; src/services/postgres.ts has the adapter.
 * Its methods throw TransientError, UserError, or DataError; anything else is a bug in the SQL.
 */
export interface LoadDatabase {
  query<Row extends object>(sql: string, values?: readonly unknown[]): Promise<{ rows: Row[]; rowCount: number }>;
  /** Streams `source` into a `COPY … FROM STDIN` and resolves to the number of rows. An error of `source` ends the COPY and is passed on. */
  copyFrom(sql: string, source: Readable): Promise<number>;
  /** Drops the connection at once, so that an open transaction is rolled back; whatever waits for an answer fails. */
  abort(): void;
  end(): Promise<void>;
}

/** PostgreSQL does not take a value or a line of the file (SQLSTATE class 22). */
export class DataError extends Error {
  override readonly name = "DataError";
  /** The data line of the file, without its header, when PostgreSQL says it; starts at 1. */
  readonly line: number | null;

  constructor(message: string, line: number | null, cause: unknown) {
    super(message, { cause });
    this.line = line;
  }
}

/** Commits what `work` does, or leaves nothing of it. */
export async function inTransaction<T>(database: LoadDatabase, work: () => Promise<T>): Promise<T> {
  await database.query("BEGIN");
  try {
    const result = await work();
    await database.query("COMMIT");
    return result;
  } catch (error) {
    // When the connection is gone, the server has rolled back by itself; the first error is the one to tell.
    await database.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}
