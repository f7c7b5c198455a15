import { identifier, identifiers } from "../load/sql.ts";
import { memberKey } from "./member-key.ts";
import type { Dimension, MemberDimension, Relationship } from "./model.ts";
import { dimensionTable, keyColumn, UNKNOWN_KEY } from "./names.ts";
import type { Statement } from "./render-move.ts";

/** Type 1: members of the stage overwrite those of the same natural key; inferred ones become real and keep their key. */
export function overwriteMembers(dimension: MemberDimension, stage: string): Statement[] {
  const table = dimensionTable(dimension);
  const target = identifier(`dim_${dimension.name}`);
  const natural = dimension.naturalKey.map(({ name }) => name);
  const attributes = dimension.attributes.map(({ name }) => name);
  const pairs = attributes.map((name) => [`${target}.${identifier(name)}`, `s.${identifier(name)}`] as const);
  const set = [...attributes.map((name) => `${identifier(name)} = s.${identifier(name)}`), `"is_inferred" = FALSE`].join(", ");
  const differs = [`${target}."is_inferred"`, ...pairs.map(([left, right]) => isDifferent(left, right))].join(" OR ");
  const same = natural.map((name) => `${target}.${identifier(name)} = s.${identifier(name)}`).join(" AND ");
  const inserted = insertMembers(dimension, stage, natural, attributes);
  return [
    { what: `update members of ${dimension.name}`, sql: `UPDATE ${table} SET ${set} FROM ${stage} AS s WHERE ${same} AND (${differs})` },
    { what: `insert members of ${dimension.name}`, sql: inserted },
  ];
}

/** A code that no member has yet makes one, whose attributes come later: no fact is rewritten then, since its key stays. */
export function inferMembers(dimension: Dimension, { role, on }: Relationship, stage: string): Statement[] {
  if (dimension.kind === "calendar" || dimension.lateArriving !== "infer") return [];
  const codes = dimension.naturalKey.map(({ name }) => on[name] ?? name);
  return [{ what: `infer members of ${dimension.name} from ${role}`, sql: insertMembers(dimension, stage, codes, null) }];
}

/** `codes`: the stage's column for each natural key column. The code -1 is the unknown member's. */
function insertMembers(dimension: MemberDimension, stage: string, codes: readonly string[], attributes: readonly string[] | null): string {
  const table = dimensionTable(dimension);
  const values = codes.map((name) => `s.${identifier(name)}`);
  const key = memberKey(dimension, values);
  const natural = dimension.naturalKey.map(({ name }) => identifier(name));
  const taken = natural.map((name, index) => `d.${name} = ${values[index]}`).join(" AND ");
  const known = values.map((value) => `${value} IS NOT NULL`).join(" AND ");
  const more = attributes ?? [];
  const columns = [keyColumn(dimension), ...natural, ...more.map(identifier), `"is_inferred"`];
  const selected = [key, ...values, ...more.map((name) => `s.${identifier(name)}`), attributes === null ? "TRUE" : "FALSE"];
  return `INSERT INTO ${table} (${columns.join(", ")}) SELECT DISTINCT ${selected.join(", ")} FROM ${stage} AS s WHERE ${known} AND ${key} <> ${UNKNOWN_KEY} AND NOT EXISTS (SELECT 1 FROM ${table} AS d WHERE ${taken})`;
}

/** Redshift has no IS DISTINCT FROM. */
function isDifferent(left: string, right: string): string {
  return `${left} <> ${right} OR (${left} IS NULL AND ${right} IS NOT NULL) OR (${left} IS NOT NULL AND ${right} IS NULL)`;
}

/** A check: two rows of one load that say different things of one member; which of them would win is chance. */
export function ambiguousMembers(dimension: MemberDimension, stage: string): Statement {
  const natural = identifiers(dimension.naturalKey.map(({ name }) => name));
  const all = identifiers([...dimension.naturalKey, ...dimension.attributes].map(({ name }) => name));
  const known = dimension.naturalKey.map(({ name }) => `${identifier(name)} IS NOT NULL`).join(" AND ");
  return {
    what: `members of ${dimension.name} that one load describes in two ways`,
    sql: `SELECT COUNT(*) AS bad FROM (SELECT ${natural} FROM (SELECT DISTINCT ${all} FROM ${stage} WHERE ${known}) AS a GROUP BY ${natural} HAVING COUNT(*) > 1) AS b`,
  };
}
