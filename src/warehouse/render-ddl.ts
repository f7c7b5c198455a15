import { identifier, identifiers } from "../load/sql.ts";
import type { Dimension, Dist, Fact, MemberDimension, SourceColumn, Star } from "./model.ts";
import {
  dimensionLock,
  dimensionTable,
  factColumns,
  factTable,
  keyColumn,
  roleColumn,
  sourceLock,
  UNKNOWN_KEY,
  writersOf,
} from "./names.ts";
import { redshiftLiteral } from "./redshift-sql.ts";
import { redshiftType } from "./redshift-types.ts";

interface Ddl {
  readonly what: string;
  readonly sql: string;
}

/** The statements that make the star on Redshift, each by itself and none twice; tables that are there stay as they are. */
export function renderDdl(star: Star): Ddl[] {
  const schemas = [...new Set([...star.dimensions, ...star.facts].map(({ schema }) => schema))].sort();
  return [
    ...["dagline", ...schemas].map((name) => ({ what: `schema ${name}`, sql: `CREATE SCHEMA IF NOT EXISTS ${identifier(name)}` })),
    ...ownTables(star),
    ...star.dimensions.flatMap(dimensionDdl),
    ...star.facts.flatMap(factDdl),
  ];
}

function ownTables(star: Star): Ddl[] {
  const shared = star.dimensions.filter((one) => one.kind === "members" && writersOf(star, one).size > 1);
  const locks = [...star.sources.map(({ table }) => sourceLock(table)), ...shared.map(dimensionLock)].sort();
  return [
    {
      what: "the warehouse's ledger",
      sql: `CREATE TABLE IF NOT EXISTS "dagline"."ledger" (table_name VARCHAR(256) NOT NULL, load_id VARCHAR(64) NOT NULL, sequence BIGINT NOT NULL, mode VARCHAR(16) NOT NULL, rows BIGINT NOT NULL, checksum VARCHAR(40) NOT NULL, exported_as_of BIGINT NOT NULL, attempt VARCHAR(32) NOT NULL, moved_at TIMESTAMP NOT NULL)`,
    },
    {
      what: "failed moves",
      sql: `CREATE TABLE IF NOT EXISTS "dagline"."failures" (load_id VARCHAR(64) NOT NULL, table_name VARCHAR(256) NOT NULL, reason VARCHAR(65535) NOT NULL, at TIMESTAMP NOT NULL)`,
    },
    ...locks.map((name) => ({ what: `lock table ${name}`, sql: `CREATE TABLE IF NOT EXISTS ${name} (nothing INTEGER)` })),
  ];
}

function dimensionDdl(dimension: Dimension): Ddl[] {
  const table = dimensionTable(dimension);
  const key = keyColumn(dimension);
  const columns =
    dimension.kind === "calendar"
      ? [`${key} INTEGER NOT NULL`, `"date" DATE`, ...["year", "quarter", "month", "day", "day_of_week"].map((part) => `"${part}" INTEGER`)]
      : memberColumns(dimension, key);
  const dist = dimension.kind === "calendar" ? "DISTSTYLE AUTO" : layout(dimension.dist);
  return [
    { what: `dimension ${dimension.name}`, sql: createTable(table, columns, `${dist} SORTKEY AUTO ENCODE AUTO`) },
    { what: `unknown member of ${dimension.name}`, sql: unknownMember(dimension, table, key) },
    view(dimension, table),
  ];
}

function memberColumns({ naturalKey, attributes, history }: MemberDimension, key: string): string[] {
  const versions = history.kind === "versions" ? [`"valid_from" TIMESTAMP`, `"valid_to" TIMESTAMP`, `"is_current" BOOLEAN NOT NULL`] : [];
  return [`${key} BIGINT NOT NULL`, ...[...naturalKey, ...attributes].map(column), `"is_inferred" BOOLEAN NOT NULL`, ...versions];
}

function unknownMember(dimension: Dimension, table: string, key: string): string {
  const columns = [key];
  const values = [String(UNKNOWN_KEY)];
  if (dimension.kind === "members") {
    for (const [name, text] of Object.entries(dimension.unknownMember).sort()) {
      columns.push(identifier(name));
      values.push(redshiftLiteral(text));
    }
    columns.push(`"is_inferred"`);
    values.push("FALSE");
    if (dimension.history.kind === "versions") {
      columns.push(`"valid_from"`, `"is_current"`);
      values.push("TIMESTAMP '0001-01-01 00:00:00'", "TRUE");
    }
  }
  return `INSERT INTO ${table} (${columns.join(", ")}) SELECT ${values.join(", ")} WHERE NOT EXISTS (SELECT 1 FROM ${table} WHERE ${key} = ${UNKNOWN_KEY})`;
}

function factDdl(fact: Fact): Ddl[] {
  const table = factTable(fact);
  const keys = fact.relationships.map((relationship) => `${roleColumn(relationship)} BIGINT NOT NULL`);
  const columns = [...keys, ...factColumns(fact).map(column), `"_load_id" VARCHAR(64) NOT NULL`];
  const sort = fact.sort.length === 0 ? "SORTKEY AUTO" : `SORTKEY (${identifiers(fact.sort)})`;
  return [{ what: `fact ${fact.name}`, sql: createTable(table, columns, `${layout(fact.dist)} ${sort} ENCODE AUTO`) }, view(fact, table)];
}

/** Late-binding, so that a rebuild can swap the table under it: Redshift, "CREATE VIEW". */
function view({ schema, name }: Dimension | Fact, table: string): Ddl {
  return {
    what: `view ${name}`,
    sql: `CREATE OR REPLACE VIEW ${identifier(schema)}.${identifier(name)} AS SELECT * FROM ${table} WITH NO SCHEMA BINDING`,
  };
}

function createTable(table: string, columns: readonly string[], attributes: string): string {
  return `CREATE TABLE IF NOT EXISTS ${table} (${columns.join(", ")}) ${attributes}`;
}

function column({ name, type }: SourceColumn): string {
  return `${identifier(name)} ${redshiftType(type)}`;
}

function layout(dist: Dist): string {
  return dist.kind === "key" ? `DISTSTYLE KEY DISTKEY (${identifier(dist.column)})` : `DISTSTYLE ${dist.kind.toUpperCase()}`;
}
