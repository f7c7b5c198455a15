import { canonicalText } from "./checksum.ts";
import type { MemberDimension } from "./model.ts";

/**
 * The key of a member of a dimension that keeps no history, from the SQL of each natural key column: the one integer itself, else 60 bits
 * of a hash of it, which are never negative. A rebuild gives the same keys. Redshift takes texts as equal that differ in trailing blanks.
 */
export function memberKey({ naturalKey }: MemberDimension, values: readonly string[]): string {
  const texts = naturalKey.map(({ type }, index) => {
    const text = canonicalText(values[index] ?? "NULL", type);
    return type.name === "VARCHAR" || type.name === "TEXT" ? `RTRIM(${text})` : text;
  });
  const [only] = naturalKey;
  if (naturalKey.length === 1 && (only?.type.name === "INTEGER" || only?.type.name === "BIGINT")) return `CAST(${values[0]} AS BIGINT)`;
  const text = texts.length === 1 ? texts.join("") : texts.map((each) => `MD5(${each})`).join(" || ");
  return `STRTOL(SUBSTRING(MD5(${text}), 1, 15), 16)`;
}
