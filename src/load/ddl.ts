import { UserError } from "../errors.ts";
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
    const index = `CREATE INDEX ON ${target} USING brin (${identifier(loadIdColumn)}) WITH (autosummarize = on)`;
    return [`CREATE TABLE ${target} (${columns.map(([name, type]) => `${identifier(name)} ${type}`).join(", ")})`, index];
  }
  const types = new Map(live.map((column) => [column.name, column.type]));
  const clauses = fields.flatMap((field) => clauseFor(table, field, types.get(field.name)));
  const all = [...clauses, ...own.flatMap((column) => clauseForOwn(column, live))];
  return all.length === 0 ? [] : [`ALTER TABLE ${target} ${all.join(", ")}`];
}

/** The unique index that an upsert merges by. */
export function keyIndex(schema: string, table: string, key: readonly string[]): string {
  return `CREATE UNIQUE INDEX ON ${identifier(schema)}.${identifier(table)} (${identifiers(key)})`;
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
  if (live === wanted) return [];
  if (live === undefined) return [`ADD COLUMN ${identifier(field.name)} ${wanted}`];
  if (isWider(live, field.type)) return [`ALTER COLUMN ${identifier(field.name)} TYPE ${wanted}`];
  throw new UserError(`column \`${field.name}\` of table \`${table}\` is ${live} in the database, and ${wanted} in fields`, {
    hint: "Give the field the type that the table has, or change the table by hand.",
  });
}

/** Whether every value of the live type is the same value in the wanted one. */
function isWider(live: string, wanted: FieldType): boolean {
  if (wanted.name === "BIGINT") return live === "integer";
  if (wanted.name === "TEXT") return live.startsWith("character varying");
  if (wanted.name === "VARCHAR") return wanted.length > (numbersIn(live, "character varying")[0] ?? Number.POSITIVE_INFINITY);
  if (wanted.name !== "NUMERIC") return false;
  if (wanted.precision === null) return live.startsWith("numeric(") || live === "integer" || live === "bigint";
  const [precision, scale] = numbersIn(live, "numeric");
  if (precision === undefined || scale === undefined) return false;
  const wantedScale = wanted.scale ?? 0;
  return wantedScale >= scale && wanted.precision - wantedScale >= precision - scale;
}

function numbersIn(live: string, name: string): number[] {
  const digits = new RegExp(`^${name}\\((\\d+)(?:,(\\d+))?\\)$`).exec(live)?.slice(1) ?? [];
  return digits.filter((number) => number !== undefined).map(Number);
}
