import { UserError } from "../errors.ts";
import type { Log } from "../log.ts";
import { inTransaction, LOCK_TIMEOUT, type LoadDatabase } from "./database.ts";
import {
  dropKeyIndex,
  executionDateColumn,
  hasWiderColumns,
  keyIndex,
  keyIndexName,
  type LiveColumn,
  loadIdColumn,
  planTable,
} from "./ddl.ts";
import { lockNumber } from "./load-id.ts";
import type { LoadRequest } from "./request.ts";
import { identifier } from "./sql.ts";

/** A table that is ready to take rows. */
export interface Target {
  readonly schema: string;
  readonly table: string;
  /** Both, quoted. */
  readonly sql: string;
}

/** A table that is as its fields say. */
export interface ReadyTarget extends Target {
  /** Whether a column takes more than its field, since a release that widened it was rolled back. */
  readonly isWider: boolean;
}

/** Brings the table to its fields, in a transaction of its own: the lock that this takes is not held while rows are copied. */
export async function ensureTarget(database: LoadDatabase, request: LoadRequest, log: Log): Promise<ReadyTarget> {
  return inTransaction(database, async () => {
    await database.query("SELECT pg_advisory_xact_lock($1)", [lockNumber("ddl", request.table)]);
    const target = await targetOf(database, request.table);
    const { schema } = target;
    const live = await liveColumns(database, target);
    const columns = planTable(schema, request.table, request.fields, live);
    const key = request.mode.kind === "upsert" ? request.mode.key : null;
    await change(database, target, [...columns, ...(await planKey(database, target, key))], log);
    warnOfLeftOver(request, live ?? [], log);
    return { ...target, isWider: hasWiderColumns(request.fields, live ?? []) };
  });
}

/** The table of this name that a transaction of ours loads into, whether it is there or not. */
export async function targetOf(database: LoadDatabase, table: string): Promise<Target> {
  const { rows } = await database.query<{ schema: string | null }>(
    // pg_catalog stands first only in our own transactions, and nobody loads into it.
    "SELECT s AS schema FROM unnest(current_schemas(false)) WITH ORDINALITY AS path (s, n) WHERE s <> 'pg_catalog' ORDER BY n LIMIT 1",
  );
  const schema = rows[0]?.schema;
  if (schema == null)
    throw new UserError("the database has no schema to load into", { hint: "Create the schema that the loader's search_path names." });
  return { schema, table, sql: `${identifier(schema)}.${identifier(table)}` };
}

async function liveColumns(database: LoadDatabase, { schema, table }: Target): Promise<LiveColumn[] | null> {
  const { rows } = await database.query<{ kind: string; columns: LiveColumn[] }>(
    `SELECT relkind AS kind, coalesce((SELECT json_agg(json_build_object('name', attname, 'type', format_type(atttypid, atttypmod),
       'default', pg_get_expr(adbin, adrelid)) ORDER BY attnum) FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped), '[]') AS columns
     FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = $1 AND relname = $2`,
    [schema, table],
  );
  const found = rows[0];
  if (found === undefined) return null;
  if (found.kind !== "r" && found.kind !== "p") {
    throw new UserError(`\`${table}\` is no table in the database, but a view, an index, or the like`, { hint: "Rename one of the two." });
  }
  return found.columns;
}

function warnOfLeftOver(request: LoadRequest, live: readonly LiveColumn[], log: Log): void {
  const known = new Set([...request.fields.map((field) => field.name), executionDateColumn, loadIdColumn]);
  const left = live.filter((column) => !known.has(column.name)).map((column) => column.name);
  if (left.length > 0)
    log.warn(`table ${request.table} has columns that fields do not name; a load gives them no value: ${left.join(", ")}`);
}

/** What brings the unique index that an upsert merges by: our own of an earlier key goes, and one of exactly these columns is used, whoever made it. */
async function planKey(database: LoadDatabase, target: Target, key: readonly string[] | null): Promise<string[]> {
  const { rows } = await database.query<{ name: string; columns: string[]; usable: boolean }>(
    `SELECT c.relname AS name, indisvalid AND indimmediate AND indpred IS NULL AND indexprs IS NULL AS usable,
       (SELECT coalesce(array_agg(attname::text ORDER BY attname::text), '{}') FROM pg_attribute
        WHERE attrelid = indrelid AND attnum = ANY ((indkey::int2[])[0:indnkeyatts - 1])) AS columns
     FROM pg_index JOIN pg_class c ON c.oid = indexrelid JOIN pg_class t ON t.oid = indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
     WHERE n.nspname = $1 AND t.relname = $2 AND indisunique`,
    [target.schema, target.table],
  );
  const isOfKey = ({ columns }: { columns: readonly string[] }): boolean => key !== null && columns.join() === [...key].sort().join();
  const own = keyIndexName(target.table);
  const drops = rows
    .filter((index) => index.name === own && !(index.usable && isOfKey(index)))
    .map(() => dropKeyIndex(target.schema, target.table));
  const isThere = rows.some((index) => index.usable && isOfKey(index));
  return key === null || isThere ? drops : [...drops, keyIndex(target.schema, target.table, key)];
}

/** A change of a table waits for its readers, and whoever comes after waits for the change: better give up soon. */
async function change(database: LoadDatabase, target: Target, statements: readonly string[], log: Log): Promise<void> {
  if (statements.length === 0) return;
  await database.query("SET LOCAL lock_timeout = '20s'");
  for (const statement of statements) {
    log.info(statement);
    try {
      await database.query(statement);
    } catch (error) {
      throw error instanceof UserError ? explainChange(error, target, statement) : error;
    }
  }
  await database.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
}

function explainChange(error: UserError, { table }: Target, statement: string): UserError {
  const cause = error.cause;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  if (code === "23505") {
    return new UserError(`table \`${table}\` already has several rows with the same key: ${error.message}`, {
      hint: "Choose a key that is unique in it, or remove the rows.",
      cause,
    });
  }
  // A view, a policy, a trigger or a generated column that uses a column whose type is to change: PostgreSQL's detail names it.
  if (code === "0A000") {
    return new UserError(`table \`${table}\` cannot be changed as its fields say: ${error.message}`, {
      hint: `Nothing was loaded. Drop what uses the column, let the load run, and make it again; or leave the field's type as it was. The change: ${statement}`,
      cause,
    });
  }
  return error;
}
