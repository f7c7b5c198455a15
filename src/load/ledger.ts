import type { LoadDatabase } from "./database.ts";
import { inTransaction } from "./database.ts";
import { defaultFunctions } from "./ddl.ts";
import { lockNumber, sliceOf } from "./load-id.ts";
import type { LoadRequest, LoadResult } from "./request.ts";

export interface LedgerRow {
  readonly rowsRead: number;
  readonly rowsWritten: number;
  readonly rowsQuarantined: number;
  /** The SHA-256 of each file, in order. */
  readonly digests: readonly string[];
  /** No other load of the table was finished later. */
  readonly isLast: boolean;
}

const tables = `
CREATE SCHEMA IF NOT EXISTS dagline;
CREATE TABLE IF NOT EXISTS dagline.ledger (
  load_id text PRIMARY KEY,
  table_name text NOT NULL,
  slice text,
  dag text NOT NULL,
  task text NOT NULL,
  run_id text NOT NULL,
  map_index integer NOT NULL,
  release text NOT NULL,
  "commit" text,
  files jsonb NOT NULL,
  rows_read bigint NOT NULL,
  rows_written bigint NOT NULL,
  rows_quarantined bigint NOT NULL,
  loaded_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS ledger_of_table ON dagline.ledger (table_name, loaded_at);
CREATE TABLE IF NOT EXISTS dagline.quarantine (
  load_id text NOT NULL,
  file text NOT NULL,
  line bigint NOT NULL,
  "column" text,
  value text,
  reason text NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
${defaultFunctions}
CREATE INDEX IF NOT EXISTS quarantine_of_load ON dagline.quarantine (load_id);`;

/** Makes our own tables unless they are there; any number of first loads may do so at once. */
export async function ensureLedger(database: LoadDatabase): Promise<void> {
  if (await isThere(database)) return;
  await inTransaction(database, async () => {
    // IF NOT EXISTS alone is no guard against a second session that does the same.
    await database.query("SELECT pg_advisory_xact_lock($1)", [lockNumber("ledger")]);
    // Even when there is nothing left to make, the statements lock tables that the first loads already use.
    if (!(await isThere(database))) await database.query(tables);
  });
}

/** The index is what is made last. Asked of the catalog: to_regclass() may still answer from before a wait for the lock. */
async function isThere(database: LoadDatabase): Promise<boolean> {
  const { rowCount } = await database.query(
    "SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'dagline' AND c.relname = 'quarantine_of_load'",
  );
  return rowCount > 0;
}

export async function readLedger(database: LoadDatabase, loadId: string): Promise<LedgerRow | null> {
  const { rows } = await database.query<{ read: string; written: string; quarantined: string; digests: string[]; last: boolean }>(
    `SELECT rows_read AS read, rows_written AS written, rows_quarantined AS quarantined,
       ARRAY(SELECT file->>'sha256' FROM jsonb_array_elements(files) WITH ORDINALITY AS each(file, n) ORDER BY n) AS digests,
       NOT EXISTS (SELECT FROM dagline.ledger later WHERE later.table_name = own.table_name AND later.loaded_at > own.loaded_at) AS last
     FROM dagline.ledger own WHERE load_id = $1`,
    [loadId],
  );
  const row = rows[0];
  if (row === undefined) return null;
  return {
    rowsRead: Number(row.read),
    rowsWritten: Number(row.written),
    rowsQuarantined: Number(row.quarantined),
    digests: row.digests,
    isLast: row.last,
  };
}

/** Writes the load's row, in place of the one that an earlier run of it left. */
export async function writeLedger(database: LoadDatabase, request: LoadRequest, result: LoadResult): Promise<void> {
  const files = JSON.stringify(request.files.map(({ key, sha256 }) => ({ key, sha256 })));
  const { dag, task, runId, mapIndex, release, commit, mode } = request;
  const { loadId, table, rowsRead, rowsWritten, rowsQuarantined } = result;
  const values = [loadId, table, sliceOf(mode), dag, task, runId, mapIndex, release, commit, files, rowsRead, rowsWritten, rowsQuarantined];
  await database.query(
    `INSERT INTO dagline.ledger VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, clock_timestamp())
     ON CONFLICT (load_id) DO UPDATE SET (table_name, slice, dag, task, run_id, map_index, release, "commit", files,
       rows_read, rows_written, rows_quarantined, loaded_at) = ROW (EXCLUDED.table_name, EXCLUDED.slice, EXCLUDED.dag, EXCLUDED.task,
       EXCLUDED.run_id, EXCLUDED.map_index, EXCLUDED.release, EXCLUDED."commit", EXCLUDED.files,
       EXCLUDED.rows_read, EXCLUDED.rows_written, EXCLUDED.rows_quarantined, EXCLUDED.loaded_at)`,
    values,
  );
}
