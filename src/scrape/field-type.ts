import { didYouMean } from "./did-you-mean.ts";
import type { FieldType } from "./model.ts";

const plainTypes = ["INTEGER", "BIGINT", "FLOAT", "BOOLEAN", "DATE", "TIMESTAMP", "TIMESTAMPTZ", "TEXT"] as const;
/** Every type's name, for people to choose from. */
const fieldTypeNames: readonly string[] = ["NUMERIC", "VARCHAR", ...plainTypes];

/** What others call these types. */
const otherNames = new Map<string, string>([
  ["DECIMAL", "NUMERIC"],
  ["INT", "INTEGER"],
  ["INT4", "INTEGER"],
  ["SMALLINT", "INTEGER"],
  ["INT8", "BIGINT"],
  ["SERIAL", "INTEGER"],
  ["DOUBLE", "FLOAT"],
  ["DOUBLE PRECISION", "FLOAT"],
  ["FLOAT8", "FLOAT"],
  ["REAL", "FLOAT"],
  ["BOOL", "BOOLEAN"],
  ["STRING", "TEXT"],
  ["STR", "TEXT"],
  ["CHAR", "VARCHAR(n)"],
  ["CHARACTER VARYING", "VARCHAR(n)"],
  ["DATETIME", "TIMESTAMP"],
  ["TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ"],
  ["TIMESTAMP WITHOUT TIME ZONE", "TIMESTAMP"],
  ["JSON", "TEXT"],
  ["JSONB", "TEXT"],
  ["UUID", "VARCHAR(36)"],
]);

export type ParsedFieldType = { readonly type: FieldType } | { readonly message: string; readonly hint: string };

/**
 * Reads `NUMERIC(12,2)`, `varchar(20)`, `TEXT`…, in any case. The limits are Redshift's, which are the narrower ones:
 * https://docs.aws.amazon.com/redshift/latest/dg/c_Supported_data_types.html
 */
export function parseFieldType(text: string): ParsedFieldType {
  const match = /^\s*([A-Za-z][A-Za-z0-9 ]{0,40}?)\s*(?:\(\s*(\d{1,9})\s*(?:,\s*(\d{1,9})\s*)?\))?\s*$/.exec(text);
  const name = match?.[1]?.toUpperCase().replace(/\s+/g, " ") ?? "";
  const first = match?.[2] === undefined ? null : Number(match[2]);
  const second = match?.[3] === undefined ? null : Number(match[3]);
  if (name === "NUMERIC") return numeric(first, second);
  if (name === "VARCHAR") return varchar(first, second);
  const plain = plainTypes.find((type) => type === name);
  if (plain !== undefined && first === null) return { type: { name: plain } };
  if (plain !== undefined) return { message: `${plain} takes no number in parentheses`, hint: `Write ${plain}.` };
  const other = otherNames.get(name);
  const hint =
    other === undefined
      ? didYouMean(name === "" ? text : name, fieldTypeNames, `There are ${fieldTypeNames.join(", ")}.`)
      : `It is called ${other} here.`;
  return { message: `no such type: ${JSON.stringify(text.slice(0, 60))}`, hint };
}

function numeric(precision: number | null, scale: number | null): ParsedFieldType {
  if (precision !== null && (precision < 1 || precision > 38)) {
    return { message: `NUMERIC holds 1 to 38 digits, not ${precision}`, hint: "Redshift's limit is 38." };
  }
  if (precision !== null && scale !== null && (scale > 37 || scale > precision)) {
    return {
      message: `NUMERIC(${precision},${scale}) has more digits after the point than it can hold`,
      hint: "The second number is at most the first, and at most 37.",
    };
  }
  return { type: { name: "NUMERIC", precision, scale } };
}

function varchar(length: number | null, second: number | null): ParsedFieldType {
  if (length === null || second !== null)
    return { message: "VARCHAR needs its length", hint: "Write VARCHAR(n), for example VARCHAR(100), or TEXT." };
  if (length < 1 || length > 65535)
    return { message: `VARCHAR holds 1 to 65535 bytes, not ${length}`, hint: "Redshift's limit is 65535; use TEXT for longer texts." };
  return { type: { name: "VARCHAR", length } };
}
