import { identifier } from "../load/sql.ts";
import type { FieldType } from "../scrape/model.ts";
import type { SourceColumn } from "./model.ts";

/**
 * An aggregate over rows with these columns: the same number in both engines for the same rows in any order, null for no rows.
 * Each value is hashed by itself, so that no row's text outgrows Redshift's 65,535 bytes. Of a FLOAT only null or not null counts, since
 * the engines print it differently.
 */
export function checksumSql(columns: readonly SourceColumn[], dialect: "postgres" | "redshift"): string {
  const values = columns.map(({ name, type }) => {
    const column = identifier(name);
    return `CASE WHEN ${column} IS NULL THEN 'n' ELSE MD5(${canonicalText(column, type)}) END`;
  });
  const row = `MD5(${values.length === 0 ? "''" : values.join(" || ")})`;
  const hash = dialect === "redshift" ? `STRTOL(SUBSTRING(${row}, 1, 8), 16)` : `('x' || SUBSTRING(${row}, 1, 8))::bit(32)::bigint`;
  return `SUM(${hash})`;
}

/** A value as text, printed the same by PostgreSQL and Redshift. */
export function canonicalText(sql: string, type: FieldType): string {
  const moment = "'YYYY-MM-DD HH24:MI:SS.US'";
  switch (type.name) {
    case "VARCHAR":
    case "TEXT":
      return sql;
    case "INTEGER":
    case "BIGINT":
      return `CAST(${sql} AS VARCHAR(20))`;
    case "NUMERIC":
      return `CAST(CAST(${sql} AS NUMERIC(${type.precision},${type.scale ?? 0})) AS VARCHAR(45))`;
    case "BOOLEAN":
      return `CASE WHEN ${sql} THEN 't' ELSE 'f' END`;
    case "DATE":
      return `TO_CHAR(${sql}, 'YYYY-MM-DD')`;
    case "TIMESTAMP":
      return `TO_CHAR(${sql}, ${moment})`;
    case "TIMESTAMPTZ":
      return `TO_CHAR(${sql} AT TIME ZONE 'UTC', ${moment})`;
    case "FLOAT":
      return "'f'";
  }
}
