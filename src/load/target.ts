import { UserError } from "../errors.ts";
import type { Log } from "../log.ts";
import { inTransaction, type LoadDatabase } from "./database.ts";
import { executionDateColumn, keyIndex, type LiveColumn, loadIdColumn, planTable } from "./ddl.ts";
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

/** Brings the table to its fields, in a transaction of its own: the lock that this takes is not held while rows are copied. */
export async function ensureTarget(database: LoadDatabase, request: LoadRequest, log: Log): Promise<Target> {
  return inTransaction(database, async () => {
    // A change of a table waits for its readers, and whoever comes after waits for the change: better give up soon.
    await database.query("SET LOCAL lock_timeout = '20s'");
    await database.query("SELECT pg_advisory_xact_lock($1)", [lockNumber("ddl", request.table)]);
    const { rows } = await database.query<{ schema: string | null }>("SELECT current_schema() AS schema");
    const schema = rows[0]?.schema;
    if (schema == null)
      throw new UserError("the database has no schema to load into", { hint: "Create the schema that the loader's search_path names." });
    const target: Target = { schema, table: request.table, sql: `${identifier(schema)}.${identifier(request.table)}` };
    const live = await liveColumns(database, target);
    for (const statement of planTable(schema, request.table, request.fields, live)) {
      log.info(statement);
      await database.query(statement);
    }
    warnOfLeftOver(request, live ?? [], log);
    if (request.mode.kind === "upsert") await ensureKey(database, target, request.mode.key, log);
    return target;
  });
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
  if (left.length > 0) log.warn(`table ${request.table} has columns that fields do not name; they stay empty: ${left.join(", ")}`);
}

/** Makes the unique index that an upsert merges by, unless the table has one of exactly these columns. */
async function ensureKey(database: LoadDatabase, target: Target, key: readonly string[], log: Log): Promise<void> {
  const { rowCount } = await database.query(
    `SELECT FROM pg_index WHERE indrelid = $1::regclass AND indisunique AND indisvalid AND indimmediate AND indpred IS NULL AND indexprs IS NULL
       AND (SELECT array_agg(attname::text ORDER BY attname::text) FROM pg_attribute
            WHERE attrelid = indrelid AND attnum = ANY ((indkey::int2[])[0:indnkeyatts - 1])) = (SELECT array_agg(k ORDER BY k) FROM unnest($2::text[]) k)`,
    [target.sql, key],
  );
  if (rowCount > 0) return;
  log.info(`a unique index of ${target.table} on ${key.join(", ")}`);
  try {
    await database.query(keyIndex(target.schema, target.table, key));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`table \`${target.table}\` already has several rows with the same ${key.join(", ")}`, {
      hint: "Choose a key that is unique in it, or remove the rows.",
      cause: error,
    });
  }
}
