import { UserError } from "../errors.ts";
import { sha256 } from "../ids.ts";
import type { Field, FieldType } from "../scrape/model.ts";
import { identifier, identifiers } from "./sql.ts";

/** The two columns that every target table ends in; each is filled by a DEFAULT, so that rows are copied straight in. */
export const executionDateColumn = "scraping_execution_date";
export const loadIdColumn = "_load_id";

/** Settings of the transaction that the DEFAULTs read. */
export const executionDateSetting = "dagline.execution_date";
export const loadIdSetting = "dagline.load_id";

/**
 * The functions that the DEFAULTs call. They are called IMMUTABLE, though a setting is none, so that PostgreSQL computes them once when it
 * plans a COPY or an INSERT: computed for each row, they make a COPY of a narrow table three times as long.
 */
export const defaultFunctions = `
CREATE OR REPLACE FUNCTION dagline.current_execution_date() RETURNS timestamptz LANGUAGE sql IMMUTABLE
  AS $$ SELECT nullif(current_setting('${executionDateSetting}', true), '')::timestamptz $$;
CREATE OR REPLACE FUNCTION dagline.current_load_id() RETURNS text LANGUAGE sql IMMUTABLE
  AS $$ SELECT nullif(current_setting('${loadIdSetting}', true), '') $$;`;

export interface LiveColumn {
  readonly name: string;
  /** As PostgreSQL's format_type() prints it. */
  readonly type: string;
  /** As PostgreSQL's pg_get_expr() prints it; null when it has none. Only that of our own columns matters. */
  readonly default?: string | null;
}

/**
 * The statements that bring a table to `fields`; none when it is there already. Columns are added and types widened, nothing is dropped.
 * Throws UserError when a live column has a type that cannot become the wanted one. `live` is null when there is no table.
 */
export function planTable(schema: string, table: string, fields: readonly Field[], live: readonly LiveColumn[] | null): string[] {
  const target = `${identifier(schema)}.${identifier(table)}`;
  refuseOwnNames(table, fields);
  if (live === null) {
    const columns = [
      ...fields.map((field) => [field.name, typeSql(field.type)] as const),
      ...own.map((column) => [column.name, ownSql(column)] as const),
    ];
    return [
      `CREATE TABLE ${target} (${columns.map(([name, type]) => `${identifier(name)} ${type}`).join(", ")})`,
      loadIndex(schema, table),
    ];
  }
  const types = new Map(live.map((column) => [column.name, column.type]));
  const clauses = fields.flatMap((field) => clauseFor(table, field, types.get(field.name)));
  const all = [...clauses, ...own.flatMap((column) => clauseForOwn(column, live))];
  return all.length === 0 ? [] : [`ALTER TABLE ${target} ${all.join(", ")}`];
}

/** The name of the unique index that we make for upserts: by it we know ours, and may drop it when the key changes. */
export function keyIndexName(table: string): string {
  return ownName(table, "_dagline_key");
}

/** The name of the index by which the rows of a load are found. */
export function loadIndexName(table: string): string {
  return ownName(table, "_dagline_load");
}

/** At most 63 bytes. */
function ownName(table: string, ending: string): string {
  const name = `${table}${ending}`;
  return name.length <= 63 ? name : `${table.slice(0, 63 - 9 - ending.length)}_${sha256(table).slice(0, 8)}${ending}`;
}

/**
 * It costs a COPY next to nothing. For each 128 pages it knows which loads have rows there: a bloom filter, since the range from the least
 * to the greatest of a few load ids holds nearly all others.
 */
export function loadIndex(schema: string, table: string): string {
  const name = identifier(loadIndexName(table));
  return `CREATE INDEX ${name} ON ${identifier(schema)}.${identifier(table)} USING brin (${identifier(loadIdColumn)} pg_catalog.text_bloom_ops (n_distinct_per_range = 64)) WITH (autosummarize = on)`;
}

/** The unique index that an upsert merges by. */
export function keyIndex(schema: string, table: string, key: readonly string[]): string {
  return `CREATE UNIQUE INDEX ${identifier(keyIndexName(table))} ON ${identifier(schema)}.${identifier(table)} (${identifiers(key)})`;
}

export function dropKeyIndex(schema: string, table: string): string {
  return `DROP INDEX IF EXISTS ${identifier(schema)}.${identifier(keyIndexName(table))}`;
}

/** The columns of a table that `planTable` made from these fields. */
export function columnsOf(fields: readonly Field[]): LiveColumn[] {
  return [...fields.map((field) => ({ name: field.name, type: typeSql(field.type) })), ...own];
}

const plainTypes = {
  INTEGER: "integer",
  BIGINT: "bigint",
  FLOAT: "double precision",
  BOOLEAN: "boolean",
  DATE: "date",
  TIMESTAMP: "timestamp without time zone",
  TIMESTAMPTZ: "timestamp with time zone",
  TEXT: "text",
} as const;

interface OwnColumn {
  readonly name: string;
  readonly type: string;
  readonly default: string;
}

const own: readonly OwnColumn[] = [
  { name: executionDateColumn, type: plainTypes.TIMESTAMPTZ, default: "dagline.current_execution_date()" },
  { name: loadIdColumn, type: plainTypes.TEXT, default: "dagline.current_load_id()" },
];

function ownSql({ type, default: value }: OwnColumn): string {
  return `${type} DEFAULT ${value}`;
}

/** A column of our name without our DEFAULT (a table from elsewhere) would stay empty, and a re-run would not find its rows. */
function clauseForOwn(column: OwnColumn, live: readonly LiveColumn[]): string[] {
  const found = live.find(({ name }) => name === column.name);
  if (found === undefined) return [`ADD COLUMN ${identifier(column.name)} ${ownSql(column)}`];
  return found.default === column.default ? [] : [`ALTER COLUMN ${identifier(column.name)} SET DEFAULT ${column.default}`];
}

/** A field's type as PostgreSQL's format_type() prints it. */
export function typeSql(type: FieldType): string {
  switch (type.name) {
    case "NUMERIC":
      return type.precision === null ? "numeric" : `numeric(${type.precision},${type.scale ?? 0})`;
    case "VARCHAR":
      return `character varying(${type.length})`;
    default:
      return plainTypes[type.name];
  }
}

function refuseOwnNames(table: string, fields: readonly Field[]): void {
  const taken = fields.find((field) => field.name === executionDateColumn || field.name === loadIdColumn);
  if (taken) throw new UserError(`fields of \`${table}\`: \`${taken.name}\` is a column that dagline fills itself`, { hint: "Rename it." });
}

function clauseFor(table: string, field: Field, live: string | undefined): string[] {
  const wanted = typeSql(field.type);
  // Wider than the field is fine: a release that widened it was rolled back, or a run of an older release is still under way.
  if (live === wanted || (live !== undefined && isWider(wanted, live))) return [];
  if (live === undefined) return [`ADD COLUMN ${identifier(field.name)} ${wanted}`];
  if (isWider(live, wanted)) return [`ALTER COLUMN ${identifier(field.name)} TYPE ${wanted}`];
  throw new UserError(`column \`${field.name}\` of table \`${table}\` is ${live} in the database, and ${wanted} in fields`, {
    hint: "Give the field the type that the table has, or change the table by hand.",
  });
}

/** Whether a column takes more than its field does: then rows pass through the field's type on their way. */
export function hasWiderColumns(fields: readonly Field[], live: readonly LiveColumn[]): boolean {
  const types = new Map(live.map((column) => [column.name, column.type]));
  return fields.some((field) => isWider(typeSql(field.type), types.get(field.name) ?? ""));
}

/** Whether a column of the first type would stay as it is under a field of the second, which takes fewer values. */
export function isNarrowed(column: FieldType, field: FieldType): boolean {
  return isWider(typeSql(field), typeSql(column));
}

/** Whether every value of one type is the same value in the other; both as PostgreSQL's format_type() prints them. */
function isWider(from: string, to: string): boolean {
  const [have, want] = [partsOf(from), partsOf(to)];
  const digits = integerDigits[have.name];
  switch (want.name) {
    case "integer":
    case "bigint":
      return digits !== undefined && digits < (integerDigits[want.name] ?? 0);
    case "text":
      return have.name === "character varying";
    case "character varying":
      return have.name === "character varying" && have.first !== null && (want.first === null || want.first > have.first);
    case "numeric": {
      if (digits === undefined && have.name !== "numeric") return false;
      if (want.first === null) return have.first !== null || digits !== undefined;
      const wholeDigits = digits ?? (have.first === null ? Number.POSITIVE_INFINITY : have.first - (have.second ?? 0));
      return (want.second ?? 0) >= (have.second ?? 0) && want.first - (want.second ?? 0) >= wholeDigits && from !== to;
    }
    default:
      return false;
  }
}

/** How many digits the largest value has. */
const integerDigits: Readonly<Record<string, number>> = { smallint: 5, integer: 10, bigint: 19 };

/** `numeric(10,2)` → numeric, 10, 2. */
function partsOf(type: string): { name: string; first: number | null; second: number | null } {
  const [, name = type, first, second] = /^([a-z ]+)(?:\((\d+)(?:,(\d+))?\))?$/.exec(type) ?? [];
  return { name, first: first === undefined ? null : Number(first), second: second === undefined ? null : Number(second) };
}
