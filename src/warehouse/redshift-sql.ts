import { UserError } from "../errors.ts";

/** A text constant for Redshift, where a backslash is an escape in every literal, as it was in PostgreSQL 8.0. */
export function redshiftLiteral(text: string): string {
  if (text.includes("\0")) throw new UserError("Redshift cannot hold a text with a NUL character");
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}
