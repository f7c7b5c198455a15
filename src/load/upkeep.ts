import type { Log } from "../log.ts";
import type { LoadDatabase } from "./database.ts";
import { loadIndex, loadIndexName } from "./ddl.ts";
import type { LoadRequest } from "./request.ts";
import { literal } from "./sql.ts";
import type { Target } from "./target.ts";

/**
 * What autovacuum would do in time, done before a load that needs it now: the index by which a load's rows are found covers the newest
 * pages, and the room of replaced rows is free again. Outside a transaction. It saves work, so it never fails a load, and waits for nobody.
 */
export async function tidyTable(database: LoadDatabase, { mode, table }: LoadRequest, target: Target, log: Log): Promise<void> {
  try {
    await database.query("SET lock_timeout = '2s'");
    if (mode.kind === "append") await coverNewPages(database, target);
    else await freeRoom(database, target);
  } catch (error) {
    log.info(`table ${table} was not tidied: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    await database.query("RESET lock_timeout");
  }
}

/** A BRIN index reads all pages that it has no summary of (manual, "BRIN Indexes", Index Maintenance). */
async function coverNewPages(database: LoadDatabase, target: Target): Promise<void> {
  const { rows } = await database.query<{ name: string; isOurs: boolean }>(
    `SELECT i.indexrelid::pg_catalog.regclass::text AS name, c.relname = ${literal(loadIndexName(target.table))} AS "isOurs"
     FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_am a ON a.oid = c.relam
     WHERE amname = 'brin' AND i.indrelid = ${literal(target.sql)}::pg_catalog.regclass`,
  );
  // A table of an earlier version has another one, which is of no use for small loads.
  if (!rows.some(({ isOurs }) => isOurs)) await database.query(loadIndex(target.schema, target.table));
  for (const { name, isOurs } of rows) if (isOurs) await database.query(`SELECT pg_catalog.brin_summarize_new_values(${literal(name)})`);
}

/**
 * Whether there are dead rows is not asked: their count in the statistics lags behind the loads, and is lost when the server crashes. Pages
 * without any are skipped by the visibility map, but for the first time (manual, "Routine Vacuuming").
 */
async function freeRoom(database: LoadDatabase, target: Target): Promise<void> {
  // Giving pages back to the system would keep readers waiting.
  await database.query(`VACUUM (TRUNCATE false) ${target.sql}`);
}
