import { inTransaction, type LoadDatabase } from "./database.ts";
import { earlierLoads, type LedgerRow, type LoadIdentity, lastLoad, readLedger } from "./ledger.ts";
import { hasLedger } from "./ledger-tables.ts";
import { loadIdOf, lockNumber, sliceOf, specDigest } from "./load-id.ts";
import { targetOf } from "./target.ts";
import { isUntouched } from "./trace.ts";

/**
 * Why this load is needed for the rows of `task`, whose digest is `rowsDigest`. null: the load took exactly these rows last, with the same
 * spec and code, and they are in the table as it left them. Whatever is not certain is a reason.
 */
export async function whyNeeded(database: LoadDatabase, request: LoadIdentity, task: string, rowsDigest: string): Promise<string | null> {
  if (!(await hasLedger(database))) return "nothing was loaded so far";
  return inTransaction(database, async () => {
    // This saves work; it must not take longer than the work.
    await database.query("SET LOCAL statement_timeout = '60s'; SET LOCAL lock_timeout = '5s'");
    if (!(await lockUnlessBusy(database, request))) return `another load into ${request.table} is under way`;
    const last = await loadToCompare(database, request);
    if (last === null) return sliceOf(request.mode) === null ? "nothing was loaded so far" : "the slice was not loaded so far";
    if (last.code !== request.code || last.spec !== specDigest(request))
      return "the DAG or the run's params differ from those of the last load";
    if (last.confirms[task] !== rowsDigest) return "the last load took other rows";
    if ((await earlierLoads(database, request)).length > 0) return "rows of the run are in the table under an earlier name";
    if (last.rowsQuarantined > 0) return "rows of the last load went to the quarantine";
    if (!(await isUntouched(database, await targetOf(database, request.table), request.mode.kind, last))) {
      return `the rows of the last load are not in table ${request.table} as it left them`;
    }
    await keepAsNewest(database, request, last);
    return null;
  });
}

async function lockUnlessBusy(database: LoadDatabase, { table, mode, ...request }: LoadIdentity): Promise<boolean> {
  const shared = mode.kind === "append" ? "_shared" : "";
  const { rows } = await database.query<{ free: boolean }>(
    `SELECT pg_try_advisory_xact_lock${shared}($1) AND pg_try_advisory_xact_lock($2) AS free`,
    [lockNumber("table", table), lockNumber("load", loadIdOf({ table, mode, ...request }))],
  );
  return rows[0]?.free === true;
}

/** That of this very run or slice; for what is named after its run, else the task's last one. */
async function loadToCompare(database: LoadDatabase, request: LoadIdentity): Promise<LedgerRow | null> {
  const own = await readLedger(database, loadIdOf(request));
  return own === null && sliceOf(request.mode) === null ? lastLoad(database, request) : own;
}

/** The table is now known to be right for this run, too: a run between the two that comes late is the older one. */
async function keepAsNewest(database: LoadDatabase, { mode, runDate }: LoadIdentity, { loadId }: LedgerRow): Promise<void> {
  if (mode.kind === "append") return;
  await database.query(
    `UPDATE dagline.ledger SET run_date = greatest(run_date, least($2::timestamptz, clock_timestamp())),
       transactions = transactions || pg_current_xact_id()::xid::text WHERE load_id = $1`,
    [loadId, runDate],
  );
}
