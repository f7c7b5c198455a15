import type { LoadDatabase } from "./database.ts";
import { loadIdColumn } from "./ddl.ts";
import type { LoadRequest } from "./request.ts";
import { identifier } from "./sql.ts";
import type { Target } from "./target.ts";

/** Removes what the new rows take the place of: under append, the rows of these loads. */
export async function clearTarget(database: LoadDatabase, request: LoadRequest, target: Target, loadIds: readonly string[]): Promise<void> {
  if (request.mode.kind === "replace") await database.query(`DELETE FROM ${target.sql}`);
  if (request.mode.kind === "append")
    await byLoadId(database, () => database.query(`DELETE FROM ${target.sql} WHERE ${identifier(loadIdColumn)} = ANY ($1)`, [loadIds]));
}

/** Runs a query for the rows of some loads, in a transaction: without statistics, PostgreSQL would read the whole table instead of asking the index. */
export async function byLoadId<T>(database: LoadDatabase, query: () => Promise<T>): Promise<T> {
  await database.query("SET LOCAL enable_seqscan = off");
  const result = await query();
  await database.query("SET LOCAL enable_seqscan TO DEFAULT");
  return result;
}
