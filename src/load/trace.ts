import type { LoadDatabase } from "./database.ts";
import { loadIdColumn } from "./ddl.ts";
import type { LedgerRow } from "./ledger.ts";
import type { LoadRequest } from "./request.ts";
import { identifier, literal } from "./sql.ts";
import type { Target } from "./target.ts";
import { byLoadId } from "./write-modes.ts";

/**
 * By what the rows of a load are known again as untouched. PostgreSQL writes the id of the transaction that made a row version into its
 * `xmin` (manual, "System Columns"): an UPDATE by hand, a restored dump and a rewritten table leave another one.
 */
export interface Trace {
  /** The table's OID and a digest of its columns: of a table that was made anew, or lost a column, nothing is known. */
  readonly target: string;
  /** How many rows the table had after an upsert whose rows are compared; else null. */
  readonly tableRows: number | null;
  /** The load's transaction and its subtransactions, as xmin shows them. */
  readonly transactions: readonly string[];
  /** What had been committed by then, as pg_current_snapshot() prints it. */
  readonly snapshot: string;
}

/** Asked at the end of a load, in its transaction. `ended` are its subtransactions that are over. */
export async function traceOf(database: LoadDatabase, request: LoadRequest, target: Target, ended: readonly string[]): Promise<Trace> {
  // A load without rows has no transaction id so far.
  await database.query("SELECT pg_current_xact_id()");
  const counted = request.mode.kind === "upsert" && Object.keys(request.confirms).length > 0;
  const { rows } = await database.query<Trace>(
    // A transaction and each subtransaction that is not over hold a lock on their own id.
    `SELECT ${targetState(target)} AS target, ${counted ? `(SELECT count(*) FROM ${target.sql})::float8` : "NULL"} AS "tableRows",
       ARRAY(SELECT transactionid::text FROM pg_locks WHERE locktype = 'transactionid' AND pid = pg_backend_pid() AND mode = 'ExclusiveLock') AS transactions,
       pg_current_snapshot()::text AS snapshot`,
  );
  const [trace] = rows;
  if (trace === undefined) throw new Error("PostgreSQL did not answer a SELECT with a row");
  return { ...trace, transactions: [...new Set([...trace.transactions, ...ended])] };
}

/** Whether a load's rows are in the table as it left them. False when in doubt. */
export async function isUntouched(
  database: LoadDatabase,
  target: Target,
  mode: LoadRequest["mode"]["kind"],
  before: LedgerRow,
): Promise<boolean> {
  const { trace } = before;
  if (trace === null || (mode === "replace" && !before.isLast)) return false;
  const state = await database.query<{ state: string | null }>(`SELECT ${targetState(target)} AS state`);
  if (state.rows[0]?.state !== trace.target) return false;
  const own = `${identifier(loadIdColumn)} = ${literal(before.loadId)}`;
  const sql = `SELECT xmin::text AS transaction, coalesce(${own}, false) AS own, count(*)::float8 AS count FROM ${target.sql}
    ${mode === "append" ? `WHERE ${own}` : ""} GROUP BY xmin, 2 LIMIT ${MOST_GROUPS + 1}`;
  const query = () => database.query<RowGroup>(sql);
  const { rows } = mode === "append" ? await byLoadId(database, query) : await query();
  return rows.length <= MOST_GROUPS && accountsFor(rows, mode, before, trace);
}

/** Rows by the transaction that wrote them, and whether they bear the load's id. */
interface RowGroup {
  readonly transaction: string;
  readonly own: boolean;
  readonly count: number;
}

/** In a table that is written row by row from elsewhere there is a group for nearly each row; then it is not asked further. */
const MOST_GROUPS = 10_000;

/** Whether the rows found are the very ones that the load left. */
export function accountsFor(
  groups: readonly RowGroup[],
  mode: LoadRequest["mode"]["kind"],
  { rowsWritten }: Pick<LedgerRow, "rowsWritten">,
  trace: Trace,
): boolean {
  const byLoad = (group: RowGroup): boolean => trace.transactions.includes(group.transaction);
  const sum = groups.reduce((total, { count }) => total + count, 0);
  if (mode === "upsert")
    return sum === trace.tableRows && groups.every((group) => byLoad(group) || wasThere(group.transaction, trace.snapshot));
  return sum === rowsWritten && groups.every((group) => group.own && byLoad(group));
}

/** Whether a transaction had ended when the snapshot was taken. Ids have 32 bits and wrap: of two, the nearer way round says which is older. */
function wasThere(transaction: string, snapshot: string): boolean {
  const [, end = "", underWay = ""] = snapshot.split(":");
  const id = BigInt(transaction);
  const isOlder = BigInt.asIntN(32, id - BigInt(end)) < 0n;
  return isOlder && !underWay.split(",").some((other) => other !== "" && BigInt.asUintN(32, BigInt(other)) === id);
}

/** null where there is no such table. */
function targetState(target: Target): string {
  return `(SELECT attrelid::text || ' ' || md5(string_agg(concat_ws(' ', attnum, attname, atttypid, atttypmod), ',' ORDER BY attnum))
    FROM pg_attribute WHERE attrelid = to_regclass(${literal(target.sql)}) AND attnum > 0 AND NOT attisdropped GROUP BY attrelid)`;
}
