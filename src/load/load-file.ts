import { TransientError, UserError } from "../errors.ts";
import type { Log } from "../log.ts";
import { checkColumns } from "./check-columns.ts";
import { checkCount } from "./check-count.ts";
import { readColumns } from "./csv.ts";
import { DataError, inTransaction, type LoadDatabase } from "./database.ts";
import { executionDateSetting, loadIdSetting } from "./ddl.ts";
import { earlierLoads, type LedgerRow, newerRun, readLedger, removeFromLedger, writeLedger } from "./ledger.ts";
import { ensureLedger } from "./ledger-tables.ts";
import { adoptedIds, loadIdOf, specDigest } from "./load-id.ts";
import { lockLoad } from "./lock-load.ts";
import type { LoadRequest, LoadResult } from "./request.ts";
import { type CopyRows, copyCarefully, copyStraight } from "./rows.ts";
import { ensureTarget, type ReadyTarget, type Target } from "./target.ts";
import { isUntouched, traceOf } from "./trace.ts";
import { tidyTable } from "./upkeep.ts";
import { clearTarget } from "./write-modes.ts";

type Outcome = LoadResult | { readonly refuse: Error };

/**
 * Brings the rows of a run's files into a table, whole or not at all, with the ledger row that tells where they come from.
 * The same files again change nothing. Needs PostgreSQL 16 or newer.
 * Throws UserError (columns, types, values, keys, permissions) and TransientError (server away, locks); then nothing was written but
 * the quarantine's account of the bad rows.
 */
export async function loadFile(request: LoadRequest, database: LoadDatabase, log: Log): Promise<LoadResult> {
  const onAbort = (): void => database.abort();
  request.signal?.addEventListener("abort", onAbort, { once: true });
  try {
    request.signal?.throwIfAborted();
    return await load(request, database, log);
  } catch (error) {
    if (request.signal?.aborted !== true) throw error;
    throw new TransientError(`the load into ${request.table} was stopped; nothing of it was kept`, { cause: error });
  } finally {
    request.signal?.removeEventListener("abort", onAbort);
  }
}

async function load(request: LoadRequest, database: LoadDatabase, log: Log): Promise<LoadResult> {
  if (request.files.length === 0)
    throw new UserError(`the load into ${request.table} has no file`, { hint: "Clear the task above, so that it stages its file again." });
  for (const file of request.files) checkColumns(file.key, request.table, await readColumns(file), request.fields);
  await ensureLedger(database);
  const target = await ensureTarget(database, request, log);
  await tidyTable(database, request, target, log);
  try {
    return await attempt(request, database, target, copyStraight, log);
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    log.warn(`a row is refused (${error.message}); looking at each row`);
  }
  // The attempt may have written all rows but one.
  await tidyTable(database, request, target, log);
  try {
    return await attempt(request, database, target, copyCarefully, log);
  } catch (error) {
    throw error instanceof DataError ? refusedLater(error, request) : error;
  }
}

/** Each value fits its field by now. */
function refusedLater(error: DataError, { table }: LoadRequest): UserError {
  return new UserError(`table \`${table}\` does not take the rows: ${error.message}`, {
    hint: "Nothing was loaded. Every value fits its field: look at the table's triggers, generated columns and constraints.",
    cause: error,
  });
}

async function attempt(request: LoadRequest, database: LoadDatabase, target: ReadyTarget, copy: CopyRows, log: Log): Promise<LoadResult> {
  const { table, mode } = request;
  const loadId = loadIdOf(request);
  const outcome = await inTransaction<Outcome>(database, async () => {
    await nameLoad(database, request, loadId);
    await lockLoad(database, request);
    const before = await readLedger(database, loadId);
    const newer = mode.kind === "append" || request.overwriteNewer ? null : await newerRun(database, request);
    if (newer !== null && mode.kind === "replace" && (await hasRows(database, target))) {
      return { loadId, table, rowsRead: 0, rowsWritten: 0, rowsQuarantined: 0, unchanged: false, newerRun: newer };
    }
    const earlier = mode.kind === "upsert" ? [] : await earlierLoads(database, request);
    const same = before !== null && earlier.length === 0 && sameInputs(request, before);
    // What an upsert merges may have been changed by anybody, so that only merging again tells.
    if (same && mode.kind !== "upsert" && (await isUntouched(database, target, mode.kind, before))) {
      const { rowsRead, rowsQuarantined } = before;
      return { loadId, table, rowsRead, rowsWritten: 0, rowsQuarantined, unchanged: true, newerRun: null };
    }
    const clear = async (): Promise<void> => {
      await database.query("DELETE FROM dagline.quarantine WHERE load_id = ANY ($1)", [[loadId, ...earlier]]);
      // By its names, whatever the ledger still knows: a row of it that somebody removed must not double the load's.
      await clearTarget(database, request, target, [...new Set([loadId, ...adoptedIds(request), ...earlier])]);
    };
    const counts = await copy(database, request, target, loadId, { clear, overwrite: newer === null, log });
    if ("refuse" in counts) return counts;
    checkCount(request, counts.rowsRead);
    const { rowsLeft, transactions, ...rows } = counts;
    if (rowsLeft > 0) {
      log.warn(`${rowsLeft} rows differ from those of the newer run ${newer}, and were left as they are; ${howToOverwrite}`);
    }
    const result = { loadId, table, ...rows, unchanged: same && rows.rowsWritten === 0, newerRun: null };
    await removeFromLedger(database, request.table, earlier);
    await writeLedger(database, request, result, await traceOf(database, request, target, transactions), target.schema);
    return result;
  });
  if ("refuse" in outcome) throw outcome.refuse;
  return outcome;
}

/** For messages: how a person has an older run overwrite a newer one. */
export const howToOverwrite =
  "to overwrite them, run it by `dagline backfill --overwrite-newer`, or start one with the param overwrite_newer: true";

/** For the DEFAULTs of our two columns. */
async function nameLoad(database: LoadDatabase, request: LoadRequest, loadId: string): Promise<void> {
  const settings: readonly (readonly [string, string])[] = [
    [loadIdSetting, loadId],
    [executionDateSetting, request.executionDate],
  ];
  for (const [name, value] of settings) await database.query("SELECT set_config($1, $2, true)", [name, value]);
}

function sameInputs(request: LoadRequest, before: LedgerRow): boolean {
  const digests = request.files.map((file) => file.sha256);
  const sameFiles = digests.length === before.digests.length && digests.every((digest, index) => digest === before.digests[index]);
  return sameFiles && before.spec === specDigest(request) && before.code === request.code;
}

async function hasRows(database: LoadDatabase, target: Target): Promise<boolean> {
  return (await database.query(`SELECT FROM ${target.sql} LIMIT 1`)).rowCount > 0;
}
