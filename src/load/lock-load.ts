import type { LoadDatabase } from "./database.ts";
import { adoptedIds, loadIdOf, lockNumber } from "./load-id.ts";
import type { LoadRequest } from "./request.ts";

/**
 * Waits for its turn: appends to one table go on side by side, a replace or an upsert has the table's loads to itself. Two loads of one
 * run or of one slice, also under names that it adopts, come one after the other. Readers are never kept waiting.
 */
export async function lockLoad(database: LoadDatabase, request: Omit<LoadRequest, "files">): Promise<void> {
  const kind = request.mode.kind === "append" ? "pg_advisory_xact_lock_shared" : "pg_advisory_xact_lock";
  await database.query(`SELECT ${kind}($1)`, [lockNumber("table", request.table)]);
  const { dag, task, runId, mapIndex } = request;
  const runs = [{ dag, task }, ...request.adopts.tasks].map((owner) => lockNumber("run", owner.dag, owner.task, runId, String(mapIndex)));
  const loads = [loadIdOf(request), ...adoptedIds(request)].map((id) => lockNumber("load", id));
  // In one order for all, so that no two loads wait for each other.
  for (const number of [...new Set([...runs, ...loads])].sort()) await database.query("SELECT pg_advisory_xact_lock($1)", [number]);
}
