import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../local/paths.ts";
import { textFormOf } from "../src/load/text-forms.ts";
import type { FieldType } from "../src/scrape/model.ts";

/** Where the reference is kept; `node scripts/scrape-reference.ts` writes it anew. */
export const referenceFile = join(root, "docs", "scrape-reference.md");

interface Schema {
  readonly title?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly definitions?: Readonly<Record<string, Schema>>;
}

/** The reference of the DAG file as Markdown, made of schemas/dag.schema.json and of the texts that a load takes. */
export function scrapeReference(): string {
  const schema = JSON.parse(readFileSync(join(root, "schemas", "dag.schema.json"), "utf8")) as Schema;
  const sections = Object.values(schema.definitions ?? {}).map(section);
  return `# The DAG file

<!-- Made from schemas/dag.schema.json by \`node scripts/scrape-reference.ts\`. Change the schema, not this page. -->

${schema.description ?? ""} An editor with YAML support completes and explains every key when the file begins with

\`\`\`yaml
# yaml-language-server: $schema=../../schemas/dag.schema.json
\`\`\`

Anchors, aliases and merge keys (\`<<\`) work; custom tags do not. \`dagline validate\` shows every problem with its line.

${sections.join("\n")}
${valuesOfTypes()}`;
}

function valuesOfTypes(): string {
  const named = (name: FieldType["name"]): string =>
    textFormOf({ name, precision: null, scale: null, length: 1 } as FieldType)?.takes ?? "";
  return `## What a value may be

A load takes these texts, with or without quotes and blanks around. An empty value without quotes is null. Any other text makes its row a bad one,
also where PostgreSQL would read it as something: \`now\` would be another day in each load, and an offset in a TIMESTAMP would be dropped.

| type | texts |
| --- | --- |
| INTEGER, BIGINT | ${named("INTEGER")} |
| NUMERIC, FLOAT | ${named("NUMERIC")} |
| BOOLEAN | ${named("BOOLEAN")} |
| DATE | ${named("DATE")} |
| TIMESTAMP | ${named("TIMESTAMP")} |
| TIMESTAMPTZ | ${named("TIMESTAMPTZ")} |
| VARCHAR(n), TEXT | any UTF-8 text without a NUL byte; with quotes, blanks and the empty text count |
`;
}

function section(schema: Schema): string {
  const rows = Object.entries(schema.properties ?? {}).flatMap(([key, property]) => row(key, property, schema));
  return `## ${schema.title ?? ""}

${schema.description ?? ""}

| key | value | default | what |
| --- | --- | --- | --- |
${rows.join("\n")}
`;
}

function row(key: string, schema: Schema, parent: Schema): string[] {
  const fallback = parent.required?.includes(key) ? "required" : schema.default === undefined ? "" : code(schema.default);
  const examples = schema.examples === undefined ? "" : ` For example ${schema.examples.map(code).join(", ")}.`;
  const own = `| \`${key}\` | ${cell(values(schema))} | ${cell(fallback)} | ${cell(`${schema.description ?? ""}${examples}`)} |`;
  const inner = Object.entries(schema.properties ?? {}).flatMap(([name, property]) =>
    row(`${key}.${name}`, property, { ...schema, required: [] }),
  );
  return [own, ...inner];
}

function values(schema: Schema): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map(values).join(" or ");
  if (schema.enum !== undefined) return schema.enum.map(code).join(", ");
  const names = {
    string: "text",
    integer: "whole number",
    number: "number",
    boolean: "true or false",
    array: "list",
    object: "map",
    null: "null",
  };
  const types = [schema.type ?? []].flat().map((type) => names[type as keyof typeof names] ?? type);
  const { minimum, maximum, maxLength } = schema;
  const range =
    minimum !== undefined && maximum !== undefined ? `, ${minimum} to ${maximum}` : minimum === undefined ? "" : `, at least ${minimum}`;
  return `${types.join(" or ") || "anything"}${range}${maxLength === undefined ? "" : `, at most ${maxLength} characters`}`;
}

function code(value: unknown): string {
  return `\`${typeof value === "string" && value !== "" ? value : JSON.stringify(value)}\``;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}

if (import.meta.main) writeFileSync(referenceFile, scrapeReference());
