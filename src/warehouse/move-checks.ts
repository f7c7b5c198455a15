import { identifier } from "../load/sql.ts";
import { checksumSql } from "./checksum.ts";
import type { Fact, MemberDimension, Relationship, Star } from "./model.ts";
import { ambiguousMembers } from "./move-dimension.ts";
import { dimensionOf, dimensionTable, factColumns, factTable, keyColumn, roleColumn } from "./names.ts";
import { redshiftLiteral } from "./redshift-sql.ts";
import type { Statement } from "./render-move.ts";

interface Moved {
  /** Dimensions whose members the load's table holds, and all whose members it may write. */
  readonly own: readonly MemberDimension[];
  readonly written: readonly MemberDimension[];
  readonly facts: readonly Fact[];
  readonly stage: string;
  readonly loadId: string;
}

/** What must hold before the commit. Redshift enforces no key, and its planner trusts them: "Define primary key and foreign key constraints". */
export function moveChecks(star: Star, { own, written, facts, stage, loadId }: Moved): Statement[] {
  const ofLoad = `"_load_id" = ${redshiftLiteral(loadId)}`;
  return [
    ...own.map((dimension) => ambiguousMembers(dimension, stage)),
    ...written.map(repeatedKeys),
    ...facts.flatMap((fact) => [
      ...fact.relationships.flatMap((relationship) => memberChecks(star, fact, relationship, stage, ofLoad)),
      sameAsStage(fact, stage, ofLoad),
    ]),
  ];
}

function repeatedKeys(dimension: MemberDimension): Statement {
  const key = keyColumn(dimension);
  return {
    what: `keys that dimension ${dimension.name} has twice`,
    sql: `SELECT COUNT(*) AS bad FROM (SELECT ${key} FROM ${dimensionTable(dimension)} GROUP BY ${key} HAVING COUNT(*) > 1) AS k`,
  };
}

function memberChecks(star: Star, fact: Fact, relationship: Relationship, stage: string, ofLoad: string): Statement[] {
  const dimension = dimensionOf(star, relationship.dimension);
  const table = dimensionTable(dimension);
  const orphans = {
    what: `facts of ${fact.name} whose ${relationship.role} is not in ${dimension.name}`,
    sql: `SELECT COUNT(*) AS bad FROM ${factTable(fact)} AS f LEFT JOIN ${table} AS d ON f.${roleColumn(relationship)} = d.${keyColumn(dimension)} WHERE f.${ofLoad} AND d.${keyColumn(dimension)} IS NULL`,
  };
  if (dimension.kind === "calendar" || dimension.lateArriving !== "error") return [orphans];
  const pairs = dimension.naturalKey.map(
    ({ name }) => [`d.${identifier(name)}`, `s.${identifier(relationship.on[name] ?? name)}`] as const,
  );
  const same = pairs.map(([member, code]) => `${member} = ${code}`).join(" AND ");
  const known = pairs.map(([, code]) => `${code} IS NOT NULL`).join(" AND ");
  const unmatched = {
    what: `rows whose ${relationship.role} has no member in ${dimension.name}`,
    sql: `SELECT COUNT(*) AS bad FROM ${stage} AS s WHERE ${known} AND NOT EXISTS (SELECT 1 FROM ${table} AS d WHERE ${same})`,
  };
  return [orphans, unmatched];
}

function sameAsStage(fact: Fact, stage: string, ofLoad: string): Statement {
  const sums = `COUNT(*) AS n, COALESCE(${checksumSql(factColumns(fact), "redshift")}, 0) AS c`;
  return {
    what: `facts of ${fact.name} that differ from the load in number or checksum`,
    sql: `SELECT CASE WHEN f.n = s.n AND f.c = s.c THEN 0 ELSE 1 END AS bad FROM (SELECT ${sums} FROM ${factTable(fact)} WHERE ${ofLoad}) AS f CROSS JOIN (SELECT ${sums} FROM ${stage}) AS s`,
  };
}
