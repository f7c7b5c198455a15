import { identifier } from "../load/sql.ts";
import type { Dimension, Fact, MemberDimension, Relationship, SourceColumn, Star } from "./model.ts";

/** The member that null and codes without a member meet. */
export const UNKNOWN_KEY = -1;

export function dimensionTable({ schema, name }: Dimension): string {
  return `${identifier(schema)}.${identifier(`dim_${name}`)}`;
}

export function factTable({ schema, name }: Fact): string {
  return `${identifier(schema)}.${identifier(`fact_${name}`)}`;
}

export function keyColumn(dimension: Dimension): string {
  return identifier(dimension.kind === "calendar" ? "date_key" : `${dimension.name}_key`);
}

export function roleColumn({ role }: Relationship): string {
  return identifier(`${role}_key`);
}

/** The columns that a fact takes over as they are, each once: a measure may be listed as a column, too. */
export function factColumns(fact: Fact): SourceColumn[] {
  return [...new Map([...fact.columns, ...fact.measures].map(({ name, type }) => [name, { name, type }])).values()];
}

export function sourceLock(table: string): string {
  return `"dagline".${identifier(`lock_${table}`)}`;
}

export function dimensionLock({ name }: Dimension): string {
  return `"dagline".${identifier(`dimension_lock_${name}`)}`;
}

export function dimensionOf(star: Star, name: string): Dimension {
  const found = star.dimensions.find((dimension) => dimension.name === name);
  if (found === undefined) throw new Error(`the star has no dimension ${name}`);
  return found;
}

/** Whose moves write members: the tables, and "" for the seeds that a deploy brings. */
export function writersOf(star: Star, dimension: MemberDimension): Set<string> {
  const { members, lateArriving, name } = dimension;
  const inferring = lateArriving === "infer" ? star.facts.filter((fact) => fact.relationships.some((one) => one.dimension === name)) : [];
  return new Set([members.kind === "seed" ? "" : members.table, ...inferring.map(({ source }) => source)]);
}
