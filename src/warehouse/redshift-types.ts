import type { FieldType } from "../scrape/model.ts";

/** Redshift counts the bytes of a text, PostgreSQL its characters, each of which may take four: Redshift, "Character types". */
const MAX_VARCHAR_BYTES = 65_535;

/** How many bytes the Redshift column of a text takes: of a VARCHAR(n), or of a TEXT. */
export function maxBytes(type: FieldType): number {
  return type.name === "VARCHAR" ? Math.min(4 * type.length, MAX_VARCHAR_BYTES) : MAX_VARCHAR_BYTES;
}

/** The type of a column on Redshift. There, NUMERIC alone would be (18,0), and TEXT a VARCHAR(256): "Numeric types", "Character types". */
export function redshiftType(type: FieldType): string {
  if (type.name === "VARCHAR" || type.name === "TEXT") return `VARCHAR(${maxBytes(type)})`;
  if (type.name === "FLOAT") return "DOUBLE PRECISION";
  if (type.name !== "NUMERIC") return type.name;
  if (type.precision === null) throw new Error("a NUMERIC without precision reached the warehouse");
  return `NUMERIC(${type.precision},${type.scale ?? 0})`;
}
