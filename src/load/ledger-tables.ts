import type { LoadDatabase } from "./database.ts";
import { inTransaction } from "./database.ts";
import { defaultFunctions } from "./ddl.ts";
import { lockNumber } from "./load-id.ts";

/** The columns after `loaded_at` are null in rows that an earlier version wrote. Such a load counts as unknown: it is done again. */
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
  at timestamptz NOT NULL DEFAULT now(),
  refused boolean NOT NULL DEFAULT false
);
ALTER TABLE dagline.quarantine ADD COLUMN IF NOT EXISTS refused boolean NOT NULL DEFAULT false;
${defaultFunctions}
CREATE INDEX IF NOT EXISTS quarantine_of_load ON dagline.quarantine (load_id);
CREATE SEQUENCE IF NOT EXISTS dagline.load_sequence;
ALTER TABLE dagline.ledger
  ADD COLUMN IF NOT EXISTS sequence bigint,
  ADD COLUMN IF NOT EXISTS run_date timestamptz,
  ADD COLUMN IF NOT EXISTS month text,
  ADD COLUMN IF NOT EXISTS mode jsonb,
  ADD COLUMN IF NOT EXISTS spec text,
  ADD COLUMN IF NOT EXISTS code text,
  ADD COLUMN IF NOT EXISTS confirms jsonb,
  ADD COLUMN IF NOT EXISTS target text,
  ADD COLUMN IF NOT EXISTS table_rows bigint,
  ADD COLUMN IF NOT EXISTS transactions text[],
  ADD COLUMN IF NOT EXISTS snapshot text,
  ADD COLUMN IF NOT EXISTS schema_name text;
CREATE TABLE IF NOT EXISTS dagline.removed_loads (load_id text PRIMARY KEY, table_name text NOT NULL);
UPDATE dagline.ledger SET sequence = numbered.n
  FROM (SELECT load_id, nextval('dagline.load_sequence') AS n FROM (SELECT load_id FROM dagline.ledger ORDER BY loaded_at) old) numbered
  WHERE ledger.load_id = numbered.load_id AND sequence IS NULL;
ALTER TABLE dagline.ledger ALTER COLUMN sequence SET DEFAULT nextval('dagline.load_sequence'), ALTER COLUMN sequence SET NOT NULL;
CREATE INDEX IF NOT EXISTS ledger_of_run ON dagline.ledger (table_name, dag, task, run_id);
CREATE INDEX IF NOT EXISTS removed_of_table ON dagline.removed_loads (table_name);`;

/** Made last. */
const lastIndex = "removed_of_table";

/** Makes our own tables, or brings those of an earlier version up to date; any number of first loads may do so at once. */
export async function ensureLedger(database: LoadDatabase): Promise<void> {
  if (await hasLedger(database)) return;
  await inTransaction(database, async () => {
    // IF NOT EXISTS alone is no guard against a second session that does the same.
    await database.query("SELECT pg_advisory_xact_lock($1)", [lockNumber("ledger")]);
    // Even when there is nothing left to make, the statements lock tables that the first loads already use.
    if (!(await hasLedger(database))) await database.query(tables);
  });
}

/** Whether this version's tables are there. Asked of the catalog: to_regclass() may still answer from before a wait for the lock. */
export async function hasLedger(database: LoadDatabase): Promise<boolean> {
  const { rowCount } = await database.query(
    "SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'dagline' AND c.relname = $1",
    [lastIndex],
  );
  return rowCount > 0;
}
