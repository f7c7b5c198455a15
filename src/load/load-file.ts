import { TransientError } from "../errors.ts";
import type { Log } from "../log.ts";
import { checkColumns } from "./check-columns.ts";
import { readColumns } from "./csv.ts";
import { DataError, inTransaction, type LoadDatabase } from "./database.ts";
import { executionDateSetting, loadIdSetting } from "./ddl.ts";
import { ensureLedger, type LedgerRow, readLedger, writeLedger } from "./ledger.ts";
import { loadIdOf, lockNumber } from "./load-id.ts";
import type { LoadRequest, LoadResult } from "./request.ts";
import { type CopyRows, copySorted, copyStraight } from "./rows.ts";
import { ensureTarget, type Target } from "./target.ts";
import { clearTarget, rowsAreThere } from "./write-modes.ts";

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
  for (const file of request.files) checkColumns(file.key, request.table, await readColumns(file), request.fields);
  await ensureLedger(database);
  const target = await ensureTarget(database, request, log);
  try {
    return await attempt(request, database, target, copyStraight);
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    log.warn(`a row is refused (${error.message}); looking at each row`);
  }
  return attempt(request, database, target, copySorted);
}

async function attempt(request: LoadRequest, database: LoadDatabase, target: Target, copy: CopyRows): Promise<LoadResult> {
  const loadId = loadIdOf(request);
  const outcome = await inTransaction<Outcome>(database, async () => {
    await nameLoad(database, request, loadId);
    await lock(database, request, loadId);
    const before = await readLedger(database, loadId);
    if (before !== null && (await isUnchanged(database, request, target, loadId, before))) {
      return {
        loadId,
        table: request.table,
        rowsRead: before.rowsRead,
        rowsWritten: 0,
        rowsQuarantined: before.rowsQuarantined,
        unchanged: true,
      };
    }
    await database.query("DELETE FROM dagline.quarantine WHERE load_id = $1", [loadId]);
    const counts = await copy(database, request, target, loadId, () =>
      clearTarget(database, request, target, before === null ? null : loadId),
    );
    if ("refuse" in counts) return counts;
    const result: LoadResult = { loadId, table: request.table, ...counts, unchanged: false };
    await writeLedger(database, request, result);
    return result;
  });
  if ("refuse" in outcome) throw outcome.refuse;
  return outcome;
}

/** For the DEFAULTs of our two columns. */
async function nameLoad(database: LoadDatabase, request: LoadRequest, loadId: string): Promise<void> {
  const settings: readonly (readonly [string, string])[] = [
    [loadIdSetting, loadId],
    [executionDateSetting, request.executionDate],
  ];
  for (const [name, value] of settings) await database.query("SELECT set_config($1, $2, true)", [name, value]);
}

/** Appends to one table go on side by side; a replace or an upsert has the table's loads to itself. Readers are never kept waiting. */
async function lock(database: LoadDatabase, request: LoadRequest, loadId: string): Promise<void> {
  const kind = request.mode.kind === "append" ? "pg_advisory_xact_lock_shared" : "pg_advisory_xact_lock";
  await database.query(`SELECT ${kind}($1)`, [lockNumber("table", request.table)]);
  await database.query("SELECT pg_advisory_xact_lock($1)", [lockNumber("load", loadId)]);
}

async function isUnchanged(
  database: LoadDatabase,
  request: LoadRequest,
  target: Target,
  loadId: string,
  before: LedgerRow,
): Promise<boolean> {
  const digests = request.files.map((file) => file.sha256);
  const same = digests.length === before.digests.length && digests.every((digest, index) => digest === before.digests[index]);
  return same && (await rowsAreThere(database, request.mode.kind, target, loadId, before));
}
