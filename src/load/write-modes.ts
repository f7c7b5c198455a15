import { UserError } from "../errors.ts";
import type { LoadDatabase } from "./database.ts";
import { executionDateColumn, loadIdColumn } from "./ddl.ts";
import type { LoadRequest } from "./request.ts";
import { identifier, identifiers } from "./sql.ts";
import type { Target } from "./target.ts";

/** Removes what the new rows take the place of: under append, the rows of these loads. */
export async function clearTarget(database: LoadDatabase, request: LoadRequest, target: Target, loadIds: readonly string[]): Promise<void> {
  if (request.mode.kind === "replace") await database.query(`DELETE FROM ${target.sql}`);
  if (request.mode.kind === "append")
    await database.query(`DELETE FROM ${target.sql} WHERE ${identifier(loadIdColumn)} = ANY ($1)`, [loadIds]);
}

/**
 * Merges the rows of a temporary table, whose columns are `c0`, `c1`, … in the order of the fields. Returns how many were inserted or changed.
 * Without `overwrite`, rows whose key is there already are left as they are; `left` is how many of those differ.
 */
export async function mergeRows(
  database: LoadDatabase,
  request: LoadRequest,
  target: Target,
  key: readonly string[],
  source: string,
  { overwrite }: { readonly overwrite: boolean },
): Promise<{ written: number; left: number }> {
  const names = request.fields.map((field) => field.name);
  const sourceOf = (name: string): string => `c${names.indexOf(name)}`;
  await refuseNullKeys(database, request.table, key, source, sourceOf);
  await refuseDuplicateKeys(database, request.table, key, source, sourceOf);
  const values = names.filter((name) => !key.includes(name));
  const set = [...values, executionDateColumn, loadIdColumn].map((name) => `${identifier(name)} = EXCLUDED.${identifier(name)}`);
  const rowOf = (alias: string): string => `ROW (${values.map((name) => `${alias}.${identifier(name)}`).join(", ")})`;
  const left = overwrite || values.length === 0 ? 0 : await countDiffering();
  const merge =
    values.length === 0 || !overwrite
      ? "DO NOTHING"
      : `DO UPDATE SET ${set.join(", ")} WHERE ${rowOf("target")} IS DISTINCT FROM ${rowOf("EXCLUDED")}`;
  const { rowCount } = await database.query(
    `INSERT INTO ${target.sql} AS target (${identifiers(names)}) SELECT ${names.map(sourceOf).join(", ")} FROM ${source}
     ON CONFLICT (${identifiers(key)}) ${merge}`,
  );
  return { written: rowCount, left };

  async function countDiffering(): Promise<number> {
    const sameKey = key.map((name) => `target.${identifier(name)} = source.${sourceOf(name)}`).join(" AND ");
    const sourceRow = `ROW (${values.map((name) => `source.${sourceOf(name)}`).join(", ")})`;
    const { rows } = await database.query<{ count: string }>(
      `SELECT count(*) AS count FROM ${source} source JOIN ${target.sql} target ON ${sameKey} WHERE ${rowOf("target")} IS DISTINCT FROM ${sourceRow}`,
    );
    return Number(rows[0]?.count);
  }
}

async function refuseNullKeys(
  database: LoadDatabase,
  table: string,
  key: readonly string[],
  source: string,
  sourceOf: (name: string) => string,
): Promise<void> {
  for (const name of key) {
    const { rows } = await database.query<{ count: string }>(`SELECT count(*) AS count FROM ${source} WHERE ${sourceOf(name)} IS NULL`);
    const count = Number(rows[0]?.count);
    if (count > 0) {
      throw new UserError(`${count} ${count === 1 ? "row has" : "rows have"} no \`${name}\`, which is in the key of table \`${table}\``, {
        hint: "Nothing was loaded. Leave such rows out in the transform, or choose another key.",
      });
    }
  }
}

async function refuseDuplicateKeys(
  database: LoadDatabase,
  table: string,
  key: readonly string[],
  source: string,
  sourceOf: (name: string) => string,
): Promise<void> {
  const columns = key.map(sourceOf).join(", ");
  const { rows } = await database.query<{ value: string; times: string }>(
    `SELECT left(ROW (${columns})::text, 200) AS value, count(*) AS times FROM ${source} GROUP BY ${columns} HAVING count(*) > 1 ORDER BY ${columns} LIMIT 5`,
  );
  if (rows.length === 0) return;
  const examples = rows.map(({ value, times }) => `  ${value}: ${times} rows`);
  throw new UserError(`rows for table \`${table}\` have the same key (${key.join(", ")}):\n${examples.join("\n")}`, {
    hint: "Nothing was loaded. Keep one row for each key in the transform.",
  });
}
