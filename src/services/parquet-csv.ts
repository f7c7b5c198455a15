import { type DuckDBType, DuckDBTypeId } from "@duckdb/node-api";
import { UserError } from "../errors.ts";
import type { Field } from "../scrape/model.ts";
import { columnSql, isNested, leavesOf, type ParquetColumn } from "./parquet-columns.ts";

/**
 * The value of a column as the text that goes to its field; the exact value, or an error later. `field` is undefined when there is none of
 * that name. Throws UserError for a type that no text of the field stands for.
 */
export function cellSql(file: string, { name, type }: ParquetColumn, field: Field | undefined): string {
  const column = columnSql(name);
  const refuse = (what: string, hint: string): UserError =>
    new UserError(`${file}: the column ${JSON.stringify(name)} holds ${what}`, { hint });
  const unreadable = leavesOf(type).find(({ typeId }) => noText.has(typeId));
  if (unreadable !== undefined) {
    throw refuse(
      `values of type ${String(unreadable)}, which no field takes`,
      "Turn them into text in a transform, such as hex(…), or leave the column out.",
    );
  }
  const target = field?.type.name;
  if (isNested(type)) {
    if (target !== undefined && target !== "TEXT" && target !== "VARCHAR") {
      throw refuse(`nested values (${String(type)}), and its field is ${target}`, "Nested values are loaded as JSON into TEXT or VARCHAR.");
    }
    return `to_json(${column})::VARCHAR`;
  }
  if (type.typeId === DuckDBTypeId.TIMESTAMP_TZ && (target === "TIMESTAMP" || target === "DATE")) {
    throw refuse(
      `instants (${String(type)}), and its field is ${target}, which has no time zone`,
      "Make the field a TIMESTAMPTZ, or turn the instants into local times in a transform.",
    );
  }
  // A whole number that another program wrote as a fraction: pandas does so for integers with nulls.
  if (fractions.has(type.typeId) && (target === "INTEGER" || target === "BIGINT")) {
    const exact = exactNumber(column, type);
    return `CASE WHEN ${column} = trunc(${column}) AND abs(${column}) <= 9007199254740992 THEN CAST(${column} AS HUGEINT)::VARCHAR ELSE ${exact}::VARCHAR END`;
  }
  return exactNumber(column, type);
}

/** The shortest text of a FLOAT means another number once it is read as a DOUBLE, as PostgreSQL and Redshift do. */
function exactNumber(column: string, type: DuckDBType): string {
  return type.typeId === DuckDBTypeId.FLOAT ? `CAST(${column} AS DOUBLE)` : column;
}

const fractions = new Set([DuckDBTypeId.FLOAT, DuckDBTypeId.DOUBLE, DuckDBTypeId.DECIMAL]);
const noText = new Set([DuckDBTypeId.BLOB, DuckDBTypeId.GEOMETRY, DuckDBTypeId.VARIANT, DuckDBTypeId.UNION]);
