import { UserError } from "../errors.ts";
import { nearest } from "../scrape/did-you-mean.ts";
import type { Field } from "../scrape/model.ts";

/** Throws UserError, with both lists and the nearest names, unless the file has exactly the fields as columns, in any order. */
export function checkColumns(file: string, table: string, columns: readonly string[], fields: readonly Field[]): void {
  const names = fields.map((field) => field.name);
  const missing = names.filter((name) => !columns.includes(name));
  const unknown = columns.filter((name) => !names.includes(name));
  const twice = columns.filter((name, index) => columns.indexOf(name) !== index);
  if (missing.length + unknown.length + twice.length === 0) return;
  const lines = [
    `${file}: its columns do not match the fields of \`${table}\``,
    `  columns of the file: ${list(columns)}`,
    `  fields in the YAML: ${list(names)}`,
    ...missing.map((name) => `  the file lacks ${quote(name)}${near(name, unknown)}`),
    ...unknown.map((name) => `  the fields lack ${quote(name)}${near(name, missing)}`),
    ...twice.map((name) => `  the file has ${quote(name)} more than once`),
  ];
  throw new UserError(lines.join("\n"), {
    hint: "Nothing was written. Change the transform or the fields so that both name the same columns.",
  });
}

function near(name: string, candidates: readonly string[]): string {
  const found = nearest(name, candidates);
  return found === null ? "" : ` (nearest: ${quote(found)})`;
}

function list(names: readonly string[]): string {
  return names.map(quote).join(", ");
}

function quote(name: string): string {
  return JSON.stringify(name.slice(0, 80));
}
