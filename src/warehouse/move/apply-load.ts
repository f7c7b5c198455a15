import { UserError } from "../../errors.ts";
import { identifiers } from "../../load/sql.ts";
import { checksumSql } from "../checksum.ts";
import type { Star } from "../model.ts";
import { redshiftLiteral } from "../redshift-sql.ts";
import { renderMove } from "../render-move.ts";
import type { Session } from "../session.ts";
import type { ExportedLoad } from "./export-load.ts";

export type Applied =
  | { readonly outcome: "moved" }
  /** The warehouse has this load already, or a later re-run of it. */
  | { readonly outcome: "there" }
  /** Another load of the table was moved after the export was made: its rows may have been taken since. */
  | { readonly outcome: "stale"; readonly newest: bigint };

/** Where COPY reads from, and as whom. */
export interface CopyFrom {
  /** s3://BUCKET/KEY of the manifest; null when the load has no rows. */
  readonly manifest: string | null;
  readonly role: string;
  readonly region: string;
  /** The random part of the export's key: which try this was. */
  readonly attempt: string;
}

/**
 * Brings an exported load into the star: dimensions, facts and the warehouse's ledger in one transaction. Its first statement locks a small
 * table of ours for each source: under SNAPSHOT isolation, the default, the snapshot is taken at the first SELECT or DML, so whoever
 * waited for the lock sees what the one before it committed (Redshift, "Isolation levels in Amazon Redshift", "LOCK").
 */
export async function applyLoad(session: Session, star: Star, load: ExportedLoad, from: CopyFrom): Promise<Applied> {
  const move = renderMove(star, load.table, load);
  await session.query("BEGIN");
  try {
    for (const lock of move.locks) await session.query(`LOCK ${lock}`);
    const standing = await standingOf(session, load);
    if (standing !== null) {
      await session.query("ROLLBACK");
      return standing;
    }
    await session.query(move.stage.create);
    if (from.manifest !== null) await copy(session, move.stage, { ...from, manifest: from.manifest });
    await checkStage(session, move.stage.name, star, load);
    for (const { sql } of [...move.dimensions, ...move.facts]) await session.query(sql);
    for (const check of move.checks) await verify(session, check);
    await writeWarehouseLedger(session, load, from.attempt);
    await session.query("COMMIT");
    return { outcome: "moved" };
  } catch (error) {
    // When the connection is gone, the server has rolled back by itself, or has committed: then the ledger says so to the next try.
    await session.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

/** Null when the load is to be moved. */
async function standingOf(session: Session, load: ExportedLoad): Promise<Applied | null> {
  const { rows } = await session.query<{ own: string | null; newest: string | null }>(
    `SELECT MAX(CASE WHEN load_id = $1 THEN sequence END) AS own, MAX(sequence) AS newest FROM dagline.ledger WHERE table_name = $2`,
    [load.loadId, load.table],
  );
  const own = BigInt(rows[0]?.own ?? "-1");
  const newest = BigInt(rows[0]?.newest ?? "-1");
  if (own >= load.sequence) return { outcome: "there" };
  return newest > load.asOf ? { outcome: "stale", newest } : null;
}

/** ROUNDEC: without it COPY cuts decimals (Redshift, "Data conversion parameters"); no row may be refused. */
async function copy(
  session: Session,
  stage: { name: string; columns: readonly string[] },
  { manifest, role, region }: CopyFrom & { readonly manifest: string },
): Promise<void> {
  await session.query(
    `COPY ${stage.name} (${identifiers(stage.columns)}) FROM ${redshiftLiteral(manifest)} IAM_ROLE ${redshiftLiteral(role)} REGION ${redshiftLiteral(region)}
     MANIFEST CSV NULL AS '\\\\N' TIMEFORMAT 'auto' DATEFORMAT 'auto' ROUNDEC MAXERROR 0 COMPUPDATE OFF STATUPDATE OFF`,
  );
}

/** What PostgreSQL counted and summed up is what Redshift has read. */
async function checkStage(session: Session, stage: string, star: Star, load: ExportedLoad): Promise<void> {
  const columns = star.sources.find(({ table }) => table === load.table)?.columns ?? [];
  const { rows } = await session.query<{ rows: string; checksum: string | null }>(
    `SELECT COUNT(*) AS rows, ${checksumSql(columns, "redshift")} AS checksum FROM ${stage}`,
  );
  const [found] = rows;
  const checksum = found?.checksum ?? "0";
  if (found === undefined || Number(found.rows) !== load.rows || BigInt(checksum) !== BigInt(load.checksum)) {
    throw new UserError(
      `Redshift read ${found?.rows} rows of load ${load.loadId} (checksum ${checksum}), PostgreSQL exported ${load.rows} (${load.checksum})`,
      {
        hint: "Nothing of it was kept. Please report this with the load's id: a value changed on its way.",
      },
    );
  }
}

async function verify(session: Session, check: { readonly what: string; readonly sql: string }): Promise<void> {
  const { rows } = await session.query<{ bad: string }>(check.sql);
  const bad = Number(rows[0]?.bad ?? Number.NaN);
  if (bad !== 0) throw new UserError(`${check.what}: ${bad}`, { hint: "Nothing of the load was kept in the warehouse." });
}

async function writeWarehouseLedger(session: Session, load: ExportedLoad, attempt: string): Promise<void> {
  if (load.removed.length > 0) {
    await session.query(
      `DELETE FROM dagline.ledger WHERE table_name = $1 AND load_id IN (${load.removed.map(redshiftLiteral).join(", ")})`,
      [load.table],
    );
  }
  await session.query("DELETE FROM dagline.ledger WHERE load_id = $1", [load.loadId]);
  await session.query(
    `INSERT INTO dagline.ledger (table_name, load_id, sequence, mode, rows, checksum, exported_as_of, attempt, moved_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, GETDATE())`,
    [load.table, load.loadId, String(load.sequence), load.mode.kind, load.rows, load.checksum, String(load.asOf), attempt],
  );
}
