import { typeSql } from "../../load/ddl.ts";
import { identifier } from "../../load/sql.ts";
import type { SourceColumn } from "../model.ts";
import { maxBytes } from "../redshift-types.ts";

/** A condition under which Redshift would bend or refuse a value; SQL of PostgreSQL. */
export interface Guard {
  readonly column: string;
  readonly condition: string;
  readonly reason: string;
}

/** A source's column, and the type that the table really has; null where the table has no such column yet. */
export interface LiveSourceColumn extends SourceColumn {
  /** As PostgreSQL's format_type() prints it. */
  readonly live: string | null;
}

/**
 * What must hold of no value that is exported. COPY cuts decimals and blanks without a word, counts the bytes of a text, and has no
 * infinity: Redshift, "Data conversion parameters", "Character types", "Numeric types", "Datetime types".
 */
export function guardsOf(columns: readonly LiveSourceColumn[]): Guard[] {
  return columns.flatMap((column) =>
    column.live === null ? [] : conditionsOf(column).map(([condition, reason]) => ({ column: column.name, condition, reason })),
  );
}

/** A column as it is exported. After a release that widened it was rolled back, the live one takes more than the field. */
export function exportedValue({ name, type, live }: LiveSourceColumn): string {
  if (live === null) return `NULL::${typeSql(type)}`;
  return live === typeSql(type) ? identifier(name) : `${identifier(name)}::${typeSql(type)}`;
}

const NOT_FINITE = "IN ('NaN', 'Infinity', '-Infinity')";

function conditionsOf({ name, type, live }: LiveSourceColumn): [condition: string, reason: string][] {
  const value = identifier(name);
  const isWider = live !== typeSql(type);
  switch (type.name) {
    case "VARCHAR":
    case "TEXT": {
      const bytes = maxBytes(type);
      const fits = type.name === "VARCHAR" && !isWider && 4 * type.length <= bytes;
      const characters = type.name === "VARCHAR" && isWider ? ` OR length(${value}) > ${type.length}` : "";
      return [
        // Which of the two a quoted \N is to COPY's CSV is not documented.
        [`${value} = E'\\\\N'`, "is exactly \\N, which COPY may read as null"],
        ...(fits
          ? []
          : ([[`octet_length(${value}) > ${bytes}${characters}`, `is longer than the ${bytes} bytes that its Redshift column takes`]] as [
              string,
              string,
            ][])),
      ];
    }
    case "NUMERIC": {
      const scale = type.scale ?? 0;
      const digits = (type.precision ?? 0) - scale;
      const finite = `${value}::text NOT ${NOT_FINITE}`;
      return [
        [`${value}::text ${NOT_FINITE}`, "is no number that Redshift's NUMERIC holds"],
        ...(isWider
          ? ([
              [`${finite} AND round(${value}::numeric, ${scale}) <> ${value}::numeric`, `has more than ${scale} decimals`],
              [`${finite} AND abs(${value}::numeric) >= 1e${digits}::numeric`, `has more than ${digits} digits before the point`],
            ] as [string, string][])
          : []),
      ];
    }
    case "INTEGER":
      return isWider ? [[`${value}::numeric NOT BETWEEN -2147483648 AND 2147483647`, "is out of the range of INTEGER"]] : [];
    case "BIGINT":
      return isWider
        ? [[`${value}::numeric NOT BETWEEN -9223372036854775808 AND 9223372036854775807`, "is out of the range of BIGINT"]]
        : [];
    case "FLOAT":
      return [[`${value}::text ${NOT_FINITE}`, "is not a finite number"]];
    case "DATE":
    case "TIMESTAMP":
    case "TIMESTAMPTZ":
      return [[`NOT isfinite(${value}) OR ${value} < '0001-01-01' OR ${value} >= '10000-01-01'`, "is not within the years 1 to 9999"]];
    case "BOOLEAN":
      return [];
  }
}
