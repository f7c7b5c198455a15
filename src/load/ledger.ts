import type { WriteMode } from "../scrape/model.ts";
import type { LoadDatabase } from "./database.ts";
import { adoptedIds, loadIdOf, sliceOf, specDigest } from "./load-id.ts";
import type { LoadRequest, LoadResult } from "./request.ts";
import type { Trace } from "./trace.ts";

/** A load without its files: all that the ledger is asked by. */
export type LoadIdentity = Omit<LoadRequest, "files" | "signal" | "release" | "commit" | "executionDate" | "confirms">;

export interface LedgerRow {
  readonly loadId: string;
  readonly runId: string;
  readonly rowsRead: number;
  readonly rowsWritten: number;
  readonly rowsQuarantined: number;
  /** The SHA-256 of each file, in order. */
  readonly digests: readonly string[];
  /** null, as are those below, in a row of an earlier version. */
  readonly spec: string | null;
  readonly code: string | null;
  readonly confirms: Readonly<Record<string, string>>;
  /** By what its rows are known again; null when that is not known. */
  readonly trace: Trace | null;
  /** No other load of the table was finished later. */
  readonly isLast: boolean;
}

export async function readLedger(database: LoadDatabase, loadId: string): Promise<LedgerRow | null> {
  return first(database, "load_id = $1", [loadId]);
}

/** The last load of the task, or of one whose rows it adopts, into the table: of any slice, run and mode, for the same month. */
export async function lastLoad(database: LoadDatabase, request: LoadIdentity): Promise<LedgerRow | null> {
  const { dags, tasks } = ownersOf(request);
  return first(database, `table_name = $1 AND (dag, task) IN ${owners(2)} AND month IS NOT DISTINCT FROM $4`, [
    request.table,
    dags,
    tasks,
    request.month,
  ]);
}

async function first(database: LoadDatabase, where: string, values: readonly unknown[]): Promise<LedgerRow | null> {
  const { rows } = await database.query<Omit<LedgerRow, "trace"> & { [K in keyof Trace]: Trace[K] | null }>(
    `SELECT load_id AS "loadId", run_id AS "runId", rows_read::float8 AS "rowsRead", rows_written::float8 AS "rowsWritten",
       rows_quarantined::float8 AS "rowsQuarantined",
       ARRAY(SELECT file->>'sha256' FROM jsonb_array_elements(files) WITH ORDINALITY AS each(file, n) ORDER BY n) AS digests,
       spec, code, coalesce(confirms, '{}') AS confirms, target, table_rows::float8 AS "tableRows",
       CASE WHEN xmin::text = ANY (transactions) THEN transactions END AS transactions, snapshot,
       NOT EXISTS (SELECT FROM dagline.ledger later WHERE later.table_name = own.table_name AND later.sequence > own.sequence) AS "isLast"
     FROM dagline.ledger own WHERE ${where} ORDER BY sequence DESC LIMIT 1`,
    values,
  );
  const row = rows[0];
  if (row === undefined) return null;
  const { target, tableRows, transactions, snapshot } = row;
  // A ledger row that another transaction wrote (a restored database, an update by hand, an earlier version) says nothing of the rows.
  const trace = target === null || transactions === null || snapshot === null ? null : { target, tableRows, transactions, snapshot };
  return { ...row, trace };
}

/** A run that is newer than this one and has loaded the table: of the same task and month, and under mode replace of any task. */
export async function newerRun(database: LoadDatabase, request: LoadIdentity): Promise<string | null> {
  const { dags, tasks } = ownersOf(request);
  const { rows } = await database.query<{ run: string }>(
    `SELECT dag || ' ' || run_id AS run FROM dagline.ledger WHERE table_name = $1 AND run_date > $2
       AND ((dag, task) IN ${owners(3)} AND month IS NOT DISTINCT FROM $5 OR mode->>'kind' = 'replace' AND $6 = 'replace')
     ORDER BY run_date DESC LIMIT 1`,
    [request.table, request.runDate, dags, tasks, request.month, request.mode.kind],
  );
  return rows[0]?.run ?? null;
}

/** Loads of this very run under another mode or slice template, and those that it adopts: their rows are this load's. */
export async function earlierLoads(database: LoadDatabase, request: LoadIdentity): Promise<string[]> {
  const { dags, tasks } = ownersOf(request);
  const { table, runId, mapIndex, month } = request;
  const mode = JSON.stringify(declaredMode(request));
  // Of an earlier version, only a load without a slice is known to be named after its run.
  const { rows } = await database.query<{ id: string }>(
    `SELECT load_id AS id FROM dagline.ledger WHERE load_id = ANY ($1) AND load_id <> $7
     UNION SELECT load_id FROM dagline.ledger WHERE table_name = $2 AND (dag, task) IN ${owners(3)} AND run_id = $5 AND map_index = $6
       AND load_id <> $7 AND (mode IS NULL AND slice IS NULL OR mode <> $8::jsonb AND month IS NOT DISTINCT FROM $9)`,
    [adoptedIds(request), table, dags, tasks, runId, mapIndex, loadIdOf(request), mode, month],
  );
  return rows.map(({ id }) => id);
}

/** Another load has taken their rows over. They stay known by name, so that the warehouse lets them go as well. */
export async function removeFromLedger(database: LoadDatabase, table: string, loadIds: readonly string[]): Promise<void> {
  if (loadIds.length === 0) return;
  await database.query("DELETE FROM dagline.ledger WHERE load_id = ANY ($1)", [loadIds]);
  await database.query("INSERT INTO dagline.removed_loads SELECT unnest($1::text[]), $2 ON CONFLICT DO NOTHING", [loadIds, table]);
}

/** Writes the load's row, in place of the one that an earlier run of it left. Each time it gets a new, larger sequence number. */
export async function writeLedger(
  database: LoadDatabase,
  request: LoadRequest,
  result: Pick<LoadResult, "loadId" | "rowsRead" | "rowsWritten" | "rowsQuarantined">,
  trace: Trace,
  schema: string,
): Promise<void> {
  const row: Readonly<Record<string, unknown>> = {
    load_id: result.loadId,
    table_name: request.table,
    slice: sliceOf(request.mode),
    dag: request.dag,
    task: request.task,
    run_id: request.runId,
    map_index: request.mapIndex,
    release: request.release,
    commit: request.commit,
    files: JSON.stringify(request.files.map(({ key, sha256 }) => ({ key, sha256 }))),
    rows_read: result.rowsRead,
    rows_written: result.rowsWritten,
    rows_quarantined: result.rowsQuarantined,
    run_date: request.runDate,
    month: request.month,
    mode: JSON.stringify(declaredMode(request)),
    spec: specDigest(request),
    code: request.code,
    confirms: JSON.stringify(request.confirms),
    target: trace.target,
    table_rows: trace.tableRows,
    transactions: trace.transactions,
    snapshot: trace.snapshot,
    schema_name: schema,
  };
  const names = Object.keys(row).map((name) => `"${name}"`);
  const set = names.slice(1).map((name) => `${name} = EXCLUDED.${name}`);
  await database.query(
    `INSERT INTO dagline.ledger (${names.join(", ")}, loaded_at) VALUES (${names.map(placeholder).join(", ")}, clock_timestamp())
     ON CONFLICT (load_id) DO UPDATE SET ${set.join(", ")}, loaded_at = EXCLUDED.loaded_at, sequence = EXCLUDED.sequence`,
    Object.values(row),
  );
}

/** A run that somebody dated into the future must not be newer than all others until then. */
function placeholder(name: string, index: number): string {
  return name === '"run_date"' ? `least($${index + 1}::timestamptz, clock_timestamp())` : `$${index + 1}`;
}

/** The mode as the release says it: with the slice's template, not the slice. */
function declaredMode({ mode, sliceTemplate }: LoadIdentity): WriteMode {
  return mode.kind === "append" ? { kind: "append", slice: sliceTemplate } : mode;
}

function ownersOf({ dag, task, adopts }: LoadIdentity): { dags: string[]; tasks: string[] } {
  const all = [{ dag, task }, ...adopts.tasks];
  return { dags: all.map((owner) => owner.dag), tasks: all.map((owner) => owner.task) };
}

/** A set of pairs, from two parameters that are lists. */
function owners(parameter: number): string {
  return `(SELECT * FROM unnest($${parameter}::text[], $${parameter + 1}::text[]))`;
}
