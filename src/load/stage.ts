import type { LoadDatabase } from "./database.ts";
import { typeSql } from "./ddl.ts";
import type { LoadRequest } from "./request.ts";
import { literal } from "./sql.ts";
import type { Target } from "./target.ts";

/** A temporary table with the rows of an upsert, before they are merged. It goes with the transaction. */
export interface Stage {
  readonly sql: string;
  /** `c0`, `c1`, … in the order of the fields: no name of a field can be in their way. */
  readonly columns: readonly string[];
  /** The keys' columns whose collation takes different texts for equal. */
  readonly loose: ReadonlySet<string>;
}

export async function createStage(database: LoadDatabase, request: LoadRequest, target: Target): Promise<Stage> {
  const { rows } = await database.query<{ name: string; collation: string }>(
    `SELECT attname AS name, quote_ident(nspname) || '.' || quote_ident(collname) AS collation FROM pg_attribute
     JOIN pg_collation c ON c.oid = attcollation JOIN pg_namespace n ON n.oid = collnamespace
     WHERE attrelid = ${literal(target.sql)}::regclass AND NOT attisdropped AND NOT collisdeterministic`,
  );
  // Keys must be the same here as for the table's index.
  const collations = new Map(rows.map(({ name, collation }) => [name, collation]));
  const stage = "pg_temp.dagline_stage";
  const columns = request.fields.map((_, index) => `c${index}`);
  const definitions = request.fields.map(({ name, type }, index) => {
    const collation = collations.get(name);
    return `${columns[index]} ${typeSql(type)}${collation === undefined ? "" : ` COLLATE ${collation}`}`;
  });
  await database.query(`CREATE TEMP TABLE ${stage} (${definitions.join(", ")}) ON COMMIT DROP`);
  return { sql: stage, columns, loose: new Set(collations.keys()) };
}
