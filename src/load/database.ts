/**
 * One connection to the database that rows are loaded into; src/services/postgres.ts has the adapter.
 * Its methods throw TransientError, UserError, or DataError; anything else is a bug in the SQL.
 */
export interface LoadDatabase {
  query<Row extends object>(sql: string, values?: readonly unknown[]): Promise<{ rows: Row[]; rowCount: number }>;
  /**
   * Streams `source` into a `COPY … FROM STDIN` and resolves to the number of rows. An error of `source` ends the COPY and is passed on.
   * A chunk's bytes are not looked at any more once the next is asked for.
   */
  copyFrom(sql: string, source: Iterable<Buffer> | AsyncIterable<Buffer>): Promise<number>;
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

/** Commits what `work` does, or leaves nothing of it. What it does is the same whatever settings the role or the database has. */
export async function inTransaction<T>(database: LoadDatabase, work: () => Promise<T>): Promise<T> {
  await database.query("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
  try {
    await overrideSettings(database);
    const result = await work();
    await database.query("COMMIT");
    return result;
  } catch (error) {
    // When the connection is gone, the server has rolled back by itself; the first error is the one to tell.
    await database.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

/** How long a statement of a load waits for the lock of another session. */
export const LOCK_TIMEOUT = "10min";

/** What `ALTER ROLE … SET` may have changed, and a load relies on: PostgreSQL, "Client Connection Defaults". */
const settings: readonly (readonly [name: string, value: string])[] = [
  ["DateStyle", "ISO, YMD"],
  ["TimeZone", "UTC"],
  ["transform_null_equals", "off"],
  // A row that a policy hides would be neither counted nor replaced: better an error that says so.
  ["row_security", "off"],
  ["lock_timeout", LOCK_TIMEOUT],
  ["statement_timeout", "0"],
  ["idle_in_transaction_session_timeout", "0"],
  ["transaction_timeout", "0"],
  // So that the server notices that a killed task is gone, even in a long statement.
  ["client_connection_check_interval", "5s"],
];

/**
 * Until the transaction ends. Functions and operators of ours are PostgreSQL's own, whatever the role's search_path has in front of them;
 * the rest of that path stays, for the table and its triggers. A setting that this version of PostgreSQL does not know is left out.
 */
async function overrideSettings(database: LoadDatabase): Promise<void> {
  await database.query(
    "SELECT pg_catalog.set_config('search_path', pg_catalog.concat('pg_catalog, ', pg_catalog.current_setting('search_path')), true)",
  );
  const values = settings.map((_, index) => `($${index * 2 + 1}, $${index * 2 + 2})`).join(", ");
  await database.query(
    `SELECT set_config(s.name, wanted.value, true) FROM (VALUES ${values}) AS wanted (name, value) JOIN pg_settings s ON s.name = wanted.name
     UNION ALL SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'`,
    settings.flat(),
  );
}
