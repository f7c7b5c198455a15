import { TransientError, UserError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Source, Star } from "../model.ts";
import { type Session, withSession } from "../session.ts";
import { type Applied, applyLoad } from "./apply-load.ts";
import { type ExportedLoad, exportLoad, type LedgerEntry, readEntry } from "./export-load.ts";
import { exportKey, manifestOf } from "./manifest.ts";

/** What moves a load; the adapters are in src/services and in the handler. */
export interface MoveServices {
  /** The star of the release that is deployed. */
  readonly star: Star;
  readonly connectSource: () => Promise<Session>;
  readonly connectWarehouse: () => Promise<Session>;
  /** Writes an object to the bucket of exports. */
  readonly putExport: (key: string, text: string) => Promise<void>;
  /** A new name for each try. */
  readonly newAttempt: () => string;
  readonly exportsBucket: string;
  readonly region: string;
  /** The role that COPY reads with. */
  readonly copyRole: string;
  /** How long one statement may take, in milliseconds. */
  readonly timeoutMs: number;
  readonly log: Log;
}

export type Moved = Exclude<Applied["outcome"], "stale"> | "gone" | "not in the star";

/** After so many exports that were stale by the time they arrived, the marker is left for later. */
const MAX_EXPORTS = 3;

/**
 * Brings one load from PostgreSQL into the star, once: what is there already, in this state or a later one, changes nothing. Loads may come in any
 * order and several at a time. Throws UserError for what a person has to mend, TransientError for what passes.
 */
export async function moveLoad(loadId: string, services: MoveServices): Promise<Moved> {
  return withSession(services.connectSource, async (source) => {
    const entry = await readEntry(source, loadId);
    if (entry === null) return "gone";
    const table = services.star.sources.find(({ table }) => table === entry.table);
    if (table === undefined) return "not in the star";
    return withSession(services.connectWarehouse, async (warehouse) => {
      if (await isThere(warehouse, entry)) return "there";
      return move(source, warehouse, entry, table, services);
    });
  });
}

async function move(source: Session, warehouse: Session, entry: LedgerEntry, table: Source, services: MoveServices): Promise<Moved> {
  const { log, region, exportsBucket: bucket, timeoutMs } = services;
  await warehouse.query(`SET statement_timeout TO ${timeoutMs}`);
  let newest = -1n;
  for (let tries = 1; tries <= MAX_EXPORTS; tries++) {
    const attempt = services.newAttempt();
    const key = exportKey(entry.table, entry.loadId, String(entry.sequence), attempt);
    const load = await exportLoad(source, entry.loadId, table, { bucket, region, key, timeoutMs });
    if (load === null) return "gone";
    refuseRestored(load, newest);
    checkRows(load);
    const manifest = load.keys.length === 0 ? null : `s3://${bucket}/${key}.manifest`;
    if (manifest !== null) await services.putExport(`${key}.manifest`, manifestOf(bucket, load.keys));
    const applied = await applyLoad(warehouse, services.star, load, { manifest, region, role: services.copyRole, attempt });
    if (applied.outcome !== "stale") {
      log.info(`load ${load.loadId} of ${load.table}, sequence ${load.sequence}: ${applied.outcome}, ${load.rows} rows`);
      return applied.outcome;
    }
    log.info(`another load of ${load.table} was moved meanwhile; exporting load ${load.loadId} again`);
    newest = applied.newest;
  }
  throw new TransientError(`load ${entry.loadId} of ${entry.table} was overtaken ${MAX_EXPORTS} times`, {
    hint: "It is tried again later.",
  });
}

/** What the warehouse has was in PostgreSQL before this export began. A database that was restored to an earlier moment would never be new enough. */
function refuseRestored(load: ExportedLoad, newest: bigint): void {
  if (load.asOf >= newest) return;
  throw new UserError(
    `the warehouse has load ${newest} of table ${load.table}, PostgreSQL only those up to ${load.asOf}: was PostgreSQL restored?`,
    {
      hint: `Run \`dagline warehouse rebuild ${load.table}\`: then the warehouse has what PostgreSQL has.`,
    },
  );
}

/** An append's rows are its own: only a load without slices, and a later replace, takes some away. */
function checkRows(load: ExportedLoad): void {
  if (load.rows > load.rowsWritten && load.mode.kind !== "upsert")
    throw new UserError(`load ${load.loadId} has ${load.rows} rows in table ${load.table}, and wrote ${load.rowsWritten}`, {
      hint: "Somebody gave other rows this load's id. Correct the table, or load it again.",
    });
  if (load.mode.kind === "append" && load.asOf === load.sequence && load.rows !== load.rowsWritten)
    throw new UserError(`load ${load.loadId} has ${load.rows} rows in table ${load.table}, and wrote ${load.rowsWritten}`, {
      hint: "Somebody changed its rows. Load it again.",
    });
}

async function isThere(warehouse: Session, entry: LedgerEntry): Promise<boolean> {
  const { rows } = await warehouse.query<{ sequence: string }>("SELECT sequence FROM dagline.ledger WHERE load_id = $1", [entry.loadId]);
  return BigInt(rows[0]?.sequence ?? "-1") >= entry.sequence;
}
