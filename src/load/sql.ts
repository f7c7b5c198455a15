import { UserError } from "../errors.ts";

/** The one place that quotes SQL. PostgreSQL would cut a longer name silently, and then mean another table. */
export function identifier(name: string): string {
  if (name === "" || name.includes("\0") || Buffer.byteLength(name) > 63) {
    throw new UserError(`not a name for a table or column: ${JSON.stringify(name.slice(0, 80))}`, {
      hint: "PostgreSQL takes 1 to 63 bytes.",
    });
  }
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text constant, read the same whatever `standard_conforming_strings` is. */
export function literal(text: string): string {
  if (text.includes("\0")) throw new UserError("PostgreSQL cannot hold a text with a NUL character");
  const quoted = text.replaceAll("'", "''");
  return text.includes("\\") ? `E'${quoted.replaceAll("\\", "\\\\")}'` : `'${quoted}'`;
}

export function identifiers(names: readonly string[]): string {
  return names.map(identifier).join(", ");
}
