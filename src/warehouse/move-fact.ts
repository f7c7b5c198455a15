import { identifier } from "../load/sql.ts";
import type { Dimension, Fact, Relationship, Source, Star } from "./model.ts";
import { dimensionOf, dimensionTable, factColumns, factTable, keyColumn, roleColumn, UNKNOWN_KEY } from "./names.ts";
import { redshiftLiteral } from "./redshift-sql.ts";
import type { MovedLoad, Statement } from "./render-move.ts";

/** Takes away what the load replaces, and inserts its rows with the keys of their members. */
export function moveFact(star: Star, fact: Fact, load: MovedLoad, stage: string): Statement[] {
  const columns = factColumns(fact).map(({ name }) => identifier(name));
  const source = star.sources.find(({ table }) => table === fact.source)?.columns ?? [];
  const joins = fact.relationships.map((one, index) => joinMember(dimensionOf(star, one.dimension), one, `d${index}`, source));
  const targets = [...fact.relationships.map(roleColumn), ...columns, `"_load_id"`];
  const values = [...joins.map(({ key }) => key), ...columns.map((name) => `s.${name}`), redshiftLiteral(load.loadId)];
  return [
    { what: `delete facts of ${fact.name} that the load replaces`, sql: deleteReplaced(fact, load, stage) },
    {
      what: `insert facts of ${fact.name}`,
      sql: [
        `INSERT INTO ${factTable(fact)} (${targets.join(", ")}) SELECT ${values.join(", ")} FROM ${stage} AS s`,
        ...joins.map(({ join }) => join),
      ].join(" "),
    },
  ];
}

/** DELETE in each mode: TRUNCATE would commit (Redshift, "TRUNCATE"). */
function deleteReplaced(fact: Fact, { loadId, sequence, mode, removed }: MovedLoad, stage: string): string {
  const table = factTable(fact);
  switch (mode.kind) {
    case "append":
      return `DELETE FROM ${table} WHERE "_load_id" IN (${[loadId, ...removed].map(redshiftLiteral).join(", ")})`;
    case "upsert": {
      const target = identifier(`fact_${fact.name}`);
      const same = mode.key.map((name) => `${target}.${identifier(name)} = s.${identifier(name)}`).join(" AND ");
      return `DELETE FROM ${table} USING ${stage} AS s WHERE ${same}`;
    }
    case "replace":
      // Loads may come in any order: what a newer one has brought already, this one did not replace.
      return `DELETE FROM ${table} WHERE "_load_id" NOT IN (SELECT load_id FROM dagline.ledger WHERE table_name = ${redshiftLiteral(fact.source)} AND sequence > ${sequence})`;
  }
}

function joinMember(dimension: Dimension, { on }: Relationship, alias: string, source: Source["columns"]): { key: string; join: string } {
  const pairs = Object.entries(on)
    .sort()
    .map(([natural, code]) => {
      const value = `s.${identifier(code)}`;
      return `${alias}.${identifier(natural)} = ${dimension.kind === "calendar" ? dayOf(value, code, source) : value}`;
    });
  return {
    key: `COALESCE(${alias}.${keyColumn(dimension)}, ${UNKNOWN_KEY})`,
    join: `LEFT JOIN ${dimensionTable(dimension)} AS ${alias} ON ${pairs.join(" AND ")}`,
  };
}

/** The day of a moment with a zone is that of UTC, whatever the session's time zone. */
function dayOf(value: string, code: string, source: Source["columns"]): string {
  const zoned = source.find(({ name }) => name === code)?.type.name === "TIMESTAMPTZ";
  return `CAST(${zoned ? `(${value} AT TIME ZONE 'UTC')` : value} AS DATE)`;
}
