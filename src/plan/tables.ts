import { UserError } from "../errors.ts";
import {
  columnsOf,
  dropKeyIndex,
  executionDateColumn,
  isNarrowed,
  keyIndex,
  type LiveColumn,
  loadIdColumn,
  planTable,
  typeSql,
} from "../load/ddl.ts";
import { type Definition, fieldsOf, type LoadDefinition } from "../release/definition.ts";
import type { Field, WriteMode } from "../scrape/model.ts";
import type { Comparison, Side } from "./compare.ts";
import type { TablePlan } from "./model.ts";
import { type OwnedLoad, ownerChanges } from "./row-owners.ts";
import { modeText } from "./words.ts";

/** Live columns by table; null: there is no such table. A table that is not in it was not looked at. */
export type LiveTables = ReadonlyMap<string, readonly LiveColumn[] | null>;

/** What the next loads would do to each table, where that is anything; and which tables nobody loads any more. */
export function tableChanges(comparison: Comparison, live: LiveTables | undefined, schema: string): TablePlan[] {
  const [old, now] = [loadsByTable(comparison, "base"), loadsByTable(comparison, "next")];
  // What a release without definitions loads is not known.
  const unknown = comparison.dags.base.some((dag) => comparison.definition("base", dag) === undefined);
  const tableOf = new Map<string, string>(
    [...now].flatMap(([table, { owned }]) => owned.map(({ dag, load }) => [`${dag}.${load.id}`, table] as const)),
  );
  const moved = (name: string): string | undefined => tableOf.get(name);
  const tables = [...new Set([...old.keys(), ...now.keys()])].sort();
  return tables.flatMap((table) => {
    const [before, after] = [old.get(table), now.get(table)];
    if (after === undefined) return before === undefined ? [] : [removed(table, before, comparison)];
    const plan = changeOf(table, before, after, { live: live?.get(table), unknown, schema, moved });
    const says = plan.statements.length + plan.refusals.length + plan.noLongerFilled.length + plan.notes.length + plan.adopted.length;
    return says > 0 || plan.change === "created" ? [plan] : [];
  });
}

interface TableLoads {
  readonly dags: string[];
  readonly loads: LoadDefinition[];
  readonly owned: OwnedLoad[];
}

function loadsByTable(comparison: Comparison, side: Side): Map<string, TableLoads> {
  const tables = new Map<string, TableLoads>();
  for (const dag of comparison.dags[side]) {
    const definition = comparison.definition(side, dag);
    for (const load of loadsOf(definition)) {
      const found = tables.get(load.dataset_name) ?? { dags: [], loads: [], owned: [] };
      if (!found.dags.includes(dag)) found.dags.push(dag);
      found.loads.push(load);
      found.owned.push({ dag, load, eachMonth: definition?.each_month != null });
      tables.set(load.dataset_name, found);
    }
  }
  return tables;
}

function loadsOf(definition: Definition | undefined): LoadDefinition[] {
  return (definition?.tasks ?? []).filter((task) => task.kind === "load");
}

function removed(table: string, { dags }: TableLoads, comparison: Comparison): TablePlan {
  const gone = dags.filter((dag) => !comparison.dags.next.includes(dag));
  const why = gone.length === dags.length ? "the DAG that loads it is removed" : "its load task is removed or loads another table";
  const notes = [`${why}; the table and its rows stay in the database, and nobody adds to them`];
  return { table, dags, change: "removed", basis: "released", statements: [], refusals: [], noLongerFilled: [], notes, adopted: [] };
}

interface Known {
  readonly live: readonly LiveColumn[] | null | undefined;
  readonly unknown: boolean;
  readonly schema: string;
  readonly moved: (load: string) => string | undefined;
}

function changeOf(table: string, before: TableLoads | undefined, after: TableLoads, { live, unknown, schema, moved }: Known): TablePlan {
  const fields = allFields(after.loads);
  const oldFields = before === undefined ? undefined : allFields(before.loads);
  const basis = live !== undefined ? "live" : oldFields !== undefined ? "released" : unknown ? "unknown" : "none";
  const common = { table, dags: after.dags, basis } as const;
  if (basis === "unknown") {
    const notes = ["the deployed release does not say which fields the table has"];
    return { ...common, change: "unknown", statements: [], refusals: [], noLongerFilled: [], notes, adopted: [] };
  }
  const columns = live !== undefined ? live : oldFields === undefined ? null : columnsOf(oldFields);
  const { statements, refusals } = ddl(schema, table, fields, columns);
  const all = refusals.length > 0 ? statements : [...statements, ...keyStatements(schema, table, before, after, columns === null)];
  const wanted = new Set([...fields.map((field) => field.name), executionDateColumn, loadIdColumn]);
  // Of columns that no field ever named, this change is not the reason.
  const left = (oldFields ?? []).map((field) => field.name).filter((name) => !wanted.has(name));
  const owners = ownerChanges(before?.owned ?? [], after.owned, moved);
  const change = refusals.length > 0 ? "refused" : columns === null ? "created" : all.length > 0 ? "altered" : "kept";
  return {
    ...common,
    change,
    statements: all,
    refusals,
    noLongerFilled: left,
    notes: [...modeNotes(before, after), ...narrowed(oldFields, fields), ...owners.notes],
    adopted: owners.adopted,
  };
}

/** Of several loads into one table, each field once. */
function allFields(loads: readonly LoadDefinition[]): Field[] {
  const fields = new Map<string, Field>();
  for (const field of loads.flatMap(fieldsOf)) fields.set(field.name, field);
  return [...fields.values()];
}

function ddl(schema: string, table: string, fields: readonly Field[], live: readonly LiveColumn[] | null) {
  const attempt = (some: readonly Field[]): { statements: string[]; refusals: string[] } => {
    try {
      return { statements: planTable(schema, table, some, live), refusals: [] };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return { statements: [], refusals: [error.message] };
    }
  };
  const whole = attempt(fields);
  if (whole.refusals.length === 0) return whole;
  // Every field that is refused, not only the first.
  return { statements: [], refusals: [...new Set(fields.flatMap((field) => attempt([field]).refusals))] };
}

/** The unique index of another key goes, and that of the new one comes. */
function keyStatements(schema: string, table: string, before: TableLoads | undefined, after: TableLoads, isNew: boolean): string[] {
  const keyOf = (loads: TableLoads | undefined) => loads?.loads.map((load) => load.mode).find((mode) => mode.kind === "upsert")?.key;
  const [old, now] = [isNew ? undefined : keyOf(before), keyOf(after)];
  // An index is of its columns, in any order.
  if (old === now || (old !== undefined && now !== undefined && sorted(old) === sorted(now))) return [];
  return [...(old === undefined ? [] : [dropKeyIndex(schema, table)]), ...(now === undefined ? [] : [keyIndex(schema, table, now)])];
}

/** A column is never narrowed: it keeps its type, and the load refuses what the field does not take. */
function narrowed(before: readonly Field[] | undefined, after: readonly Field[]): string[] {
  const types = new Map(before?.map((field) => [field.name, field.type]));
  return after.flatMap(({ name, type }) => {
    const old = types.get(name);
    if (old === undefined || !isNarrowed(old, type)) return [];
    return [`column ${name} stays ${typeSql(old)}; rows with a value that ${typeSql(type)} does not take become bad rows`];
  });
}

function sorted(key: readonly string[] | undefined): string {
  return JSON.stringify([...(key ?? [])].sort());
}

/** How rows enter the table otherwise than before. */
function modeNotes(before: TableLoads | undefined, after: TableLoads): string[] {
  if (before === undefined) return [];
  const old = new Map(before.loads.map((load) => [load.id, load.mode]));
  const notes = after.loads.flatMap((load) => {
    const mode = old.get(load.id);
    const means = mode === undefined ? null : modeMeans(mode, load.mode);
    return mode === undefined || means === null ? [] : [`${load.id}: ${modeText(mode)} → ${modeText(load.mode)}: ${means}`];
  });
  return [...new Set(notes)];
}

/** What another mode does to the rows that are there; null: nothing of that kind. */
function modeMeans(before: WriteMode, after: WriteMode): string | null {
  if (after.kind === "replace") return before.kind === "replace" ? null : "the next load removes every row that earlier loads left";
  if (before.kind === after.kind) {
    if (before.kind !== "upsert" || after.kind !== "upsert" || sorted(before.key) === sorted(after.key)) return null;
    return "rows are merged by other columns, and the load fails when rows that are there share the new key";
  }
  if (after.kind === "upsert") return "rows with the same key are overwritten, and the load fails when rows that are there share a key";
  return before.kind === "replace" ? "rows of earlier loads stay" : "rows with the same key are added again";
}
