import { TransientError, UserError } from "../../errors.ts";
import { DataError } from "../../load/database.ts";
import { loadIdColumn } from "../../load/ddl.ts";
import { identifier, identifiers, literal } from "../../load/sql.ts";
import type { WriteMode } from "../../scrape/model.ts";
import { checksumSql } from "../checksum.ts";
import type { Source } from "../model.ts";
import type { Session } from "../session.ts";
import { exportedValue, type Guard, guardsOf, type LiveSourceColumn } from "./guards.ts";
import { exportedKeys } from "./manifest.ts";

/** Where RDS writes an export. */
export interface ExportTo {
  readonly bucket: string;
  readonly region: string;
  readonly key: string;
  /** The time that one statement may take, in milliseconds: less than the Lambda's, so that no export runs on beside the next try. */
  readonly timeoutMs: number;
}

/** What the ledger in PostgreSQL says of a load now. */
export interface LedgerEntry {
  readonly loadId: string;
  readonly table: string;
  readonly mode: WriteMode;
  readonly sequence: bigint;
  readonly rowsWritten: number;
}

export interface ExportedLoad extends LedgerEntry {
  /** The greatest sequence of the table in the snapshot that was exported. */
  readonly asOf: bigint;
  /** How many rows of the load are in the table now: a later upsert or replace has taken the others. */
  readonly rows: number;
  readonly checksum: string;
  readonly keys: readonly string[];
  /** Loads of the table that are gone, since others took their rows over. */
  readonly removed: readonly string[];
}

/** The ledger's row of a load; null when there is none, since another load took its rows over. */
export async function readEntry(session: Session, loadId: string): Promise<LedgerEntry | null> {
  const { rows } = await session.query<{ table: string; mode: WriteMode | null; sequence: string; written: string }>(
    `SELECT table_name AS "table", mode, sequence::text AS sequence, rows_written::text AS written FROM dagline.ledger WHERE load_id = $1`,
    [loadId],
  );
  const [row] = rows;
  if (row === undefined) return null;
  // An earlier version did not write the mode down. Then only the whole table is certain: `dagline warehouse rebuild`.
  if (row.mode === null)
    throw new UserError(`load ${loadId} of table ${row.table} was made by an earlier version of dagline`, {
      hint: `Run \`dagline warehouse rebuild ${row.table}\`.`,
    });
  return { loadId, table: row.table, mode: row.mode, sequence: BigInt(row.sequence), rowsWritten: Number(row.written) };
}

/**
 * Has RDS write the rows of a load to S3, in one snapshot with what the ledger says of it. Null when the ledger no longer has the load.
 * Throws UserError with row and column for a value that Redshift would bend or refuse; then nothing is exported.
 */
export async function exportLoad(session: Session, loadId: string, source: Source, to: ExportTo): Promise<ExportedLoad | null> {
  try {
    return await inSnapshot(session, to.timeoutMs, () => exportNow(session, loadId, source, to));
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    // A cast met a value before its guard did: the guards say which.
    await inSnapshot(session, to.timeoutMs, () => refuseBent(session, loadId, source));
    throw error;
  }
}

async function exportNow(session: Session, loadId: string, source: Source, to: ExportTo): Promise<ExportedLoad | null> {
  const entry = await readEntry(session, loadId);
  if (entry === null) return null;
  const { target, columns } = await liveSource(session, source, loadId);
  const guards = guardsOf(columns);
  const ofLoad = `FROM ${target} WHERE ${identifier(loadIdColumn)} = ${literal(loadId)}`;
  const selected = `SELECT ${columns.map((column) => `${exportedValue(column)} AS ${identifier(column.name)}`).join(", ")} ${ofLoad}`;
  const bent = guards.length === 0 ? "false" : guards.map(({ condition }) => `(${condition})`).join(" OR ");
  const { rows: sums } = await session.query<{ rows: string; checksum: string; bent: boolean }>(
    `SELECT count(*)::text AS rows, coalesce(${checksumSql(source.columns, "postgres")}, 0)::text AS checksum, coalesce((SELECT bool_or(${bent}) ${ofLoad}), false) AS bent FROM (${selected}) AS exported`,
  );
  const [sum] = sums;
  if (sum === undefined) throw new Error("PostgreSQL did not answer an aggregate with a row");
  if (sum.bent) await refuse(session, guards, ofLoad, columns, source.table);
  const rows = Number(sum.rows);
  const files = rows === 0 ? 0 : await exportRows(session, selected, rows, to);
  return {
    ...entry,
    rows,
    checksum: sum.checksum,
    keys: exportedKeys(to.key, files),
    asOf: await newestSequence(session, source.table),
    removed: await removedLoads(session, source.table),
  };
}

/** RDS, "Exporting data from an RDS for PostgreSQL DB instance to Amazon S3": no gzip and no manifest; an object of that key is overwritten. */
async function exportRows(session: Session, selected: string, rows: number, { bucket, region, key }: ExportTo): Promise<number> {
  const { rows: answers } = await session.query<{ rows: string; files: string }>(
    `SELECT rows_uploaded::text AS rows, files_uploaded::text AS files
     FROM aws_s3.query_export_to_s3($1, aws_commons.create_s3_uri($2, $3, $4), options := $5)`,
    [selected, bucket, key, region, "format csv, null '\\N'"],
  );
  const [answer] = answers;
  if (answer === undefined) throw new Error("aws_s3.query_export_to_s3 answered without a row");
  // That it sees our snapshot is not documented: its count would tell.
  if (Number(answer.rows) !== rows)
    throw new TransientError(`RDS exported ${answer.rows} rows of a load of ${rows}`, { hint: "It is exported again." });
  return Number(answer.files);
}

async function newestSequence(session: Session, table: string): Promise<bigint> {
  const { rows } = await session.query<{ newest: string }>(
    "SELECT coalesce(max(sequence), 0)::text AS newest FROM dagline.ledger WHERE table_name = $1",
    [table],
  );
  return BigInt(rows[0]?.newest ?? "0");
}

async function removedLoads(session: Session, table: string): Promise<string[]> {
  const { rows } = await session.query<{ id: string }>(
    "SELECT load_id AS id FROM dagline.removed_loads removed WHERE table_name = $1 AND NOT EXISTS (SELECT FROM dagline.ledger WHERE ledger.load_id = removed.load_id) ORDER BY load_id",
    [table],
  );
  return rows.map(({ id }) => id);
}

async function refuseBent(session: Session, loadId: string, source: Source): Promise<void> {
  const { target, columns } = await liveSource(session, source, loadId);
  await refuse(session, guardsOf(columns), `FROM ${target} WHERE ${identifier(loadIdColumn)} = ${literal(loadId)}`, columns, source.table);
}

/** Throws a UserError for the first value that does not go through, if there is one. */
async function refuse(
  session: Session,
  guards: readonly Guard[],
  ofLoad: string,
  columns: readonly LiveSourceColumn[],
  table: string,
): Promise<void> {
  const there = columns.filter(({ live }) => live !== null).map(({ name }) => name);
  for (const { column, condition, reason } of guards) {
    const { rows } = await session.query<{ value: string; row: string; count: string }>(
      `SELECT left(${identifier(column)}::text, 60) AS value, left((SELECT string_agg(format('%s=%s', key, value), ', ') FROM json_each_text(to_json(one))), 200) AS row,
         (SELECT count(*) ${ofLoad} AND (${condition}))::text AS count
       FROM (SELECT ${identifiers(there)} ${ofLoad} AND (${condition}) LIMIT 1) AS one`,
    );
    const [found] = rows;
    if (found === undefined) continue;
    throw new UserError(
      `column ${column} of table ${table}: ${JSON.stringify(found.value)} ${reason}, in ${found.count} of the load's rows; the first: ${found.row}`,
      { hint: "Nothing of the load was moved. Correct the values in the transform, or change the column's type in fields." },
    );
  }
}

/** The source's table as it is now. Its schema is that of the load, which the ledger knows. */
async function liveSource(session: Session, source: Source, loadId: string): Promise<{ target: string; columns: LiveSourceColumn[] }> {
  const { rows } = await session.query<{ schema: string; columns: Record<string, string> }>(
    `SELECT nspname AS schema, (SELECT json_object_agg(attname, format_type(atttypid, atttypmod)) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS columns
     FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace JOIN dagline.ledger own ON load_id = $1
     WHERE relname = own.table_name AND nspname = own.schema_name`,
    [loadId],
  );
  const [found] = rows;
  if (found === undefined)
    throw new UserError(`table ${source.table} is not in PostgreSQL, though the ledger has a load of it`, { hint: "Load it again." });
  return {
    target: `${identifier(found.schema)}.${identifier(source.table)}`,
    columns: source.columns.map((column) => ({ ...column, live: found.columns[column.name] ?? null })),
  };
}

/** One snapshot for all that `work` asks. What a role's or a database's settings say makes no difference to what is exported. */
async function inSnapshot<T>(session: Session, timeoutMs: number, work: () => Promise<T>): Promise<T> {
  await session.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
  try {
    for (const [name, value] of settingsOf(timeoutMs)) await session.query("SELECT set_config($1, $2, true)", [name, value]);
    const result = await work();
    await session.query("COMMIT");
    return result;
  } catch (error) {
    await session.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

function settingsOf(timeoutMs: number): [name: string, value: string][] {
  return [
    ["search_path", "pg_catalog"],
    ["DateStyle", "ISO, YMD"],
    ["TimeZone", "UTC"],
    ["extra_float_digits", "1"],
    ["row_security", "off"],
    ["statement_timeout", String(timeoutMs)],
    ["lock_timeout", String(timeoutMs)],
    // So that the server notices that a Lambda was ended, and ends the export: PostgreSQL, "Connections and Authentication".
    ["client_connection_check_interval", "5s"],
  ];
}
