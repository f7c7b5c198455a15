import { checkIdentities, type TableLoad } from "./check-identities.ts";
import { didYouMean } from "./did-you-mean.ts";
import { findCycles } from "./graph.ts";
import type { LoadTask } from "./model.ts";
import type { ReadDag } from "./read-dag.ts";

/** What only all DAGs together can show: an id taken twice, loads that disagree about a table, schedules on tables that nothing loads (when `all` DAGs are here). */
export function checkAcross(dags: readonly ReadDag[], all: boolean): void {
  checkIds(dags);
  const loads = checkTables(dags);
  if (all) checkAssets(dags, loads);
}

function checkIds(dags: readonly ReadDag[]): void {
  const seen = new Map<string, ReadDag>();
  for (const read of dags) {
    const first = seen.get(read.dag.id);
    if (first === undefined) seen.set(read.dag.id, read);
    else
      read.report.error(
        read.at,
        "duplicate-dag",
        `the DAG id \`${read.dag.id}\` is taken by ${first.dag.file}`,
        "Ids are unique over all scrapes: rename one of them.",
      );
  }
}

function checkTables(dags: readonly ReadDag[]): Map<string, TableLoad[]> {
  const tables = new Map<string, TableLoad[]>();
  // Who does not agree on the table, or has another's DAG id, is told that first.
  const agreeing = new Map<string, TableLoad[]>();
  for (const { dag, report, loads } of dags) {
    for (const { task, at } of loads) {
      const load = { dag, task, at, report };
      const others = tables.get(task.table);
      const [first] = others ?? [];
      if (others === undefined || first === undefined) {
        tables.set(task.table, [load]);
        agreeing.set(task.table, [load]);
        continue;
      }
      others.push(load);
      const takesId = others.some((other) => other.dag.id === dag.id && other.report !== report);
      if (compareLoads(first, load) && !takesId) agreeing.get(task.table)?.push(load);
    }
  }
  for (const loads of agreeing.values()) checkIdentities(loads);
  return tables;
}

/** Whether two loads agree on their table; otherwise the second is told. */
function compareLoads(first: TableLoad, load: TableLoad): boolean {
  const where = `\`${first.task.id}\` (${first.report.file}:${first.task.line})`;
  const difference = differingField(first.task, load.task);
  if (difference !== null) {
    load.report.error(
      load.at,
      "table-fields",
      `the table \`${load.task.table}\` has other fields here than in ${where}: ${difference}`,
      "All loads of a table have the same fields: share them with an anchor, or choose another table.",
    );
  }
  const modes = [first.task.mode, load.task.mode];
  if (modes.some(({ kind }) => kind === "replace")) {
    load.report.error(
      load.at,
      "table-mode",
      `the table \`${load.task.table}\` is also loaded by ${where}, and mode replace takes all other rows away`,
      "Give each its own table, or use append or upsert.",
    );
    return false;
  }
  if (first.task.mode.kind !== load.task.mode.kind || keyOf(first.task) !== keyOf(load.task)) {
    load.report.error(
      load.at,
      "table-mode",
      `the table \`${load.task.table}\` is loaded in another way by ${where}`,
      "All loads of a table have the same `mode` and `key`.",
    );
    return false;
  }
  return difference === null;
}

function keyOf({ mode }: LoadTask): string {
  return mode.kind === "upsert" ? [...mode.key].sort().join(",") : "";
}

function differingField(first: LoadTask, other: LoadTask): string | null {
  const types = new Map(first.fields.map((field) => [field.name, JSON.stringify(field.type)]));
  for (const field of other.fields) {
    const type = types.get(field.name);
    if (type === undefined) return `\`${field.name}\` is only here`;
    if (type !== JSON.stringify(field.type)) return `\`${field.name}\` has another type`;
    types.delete(field.name);
  }
  const [missing] = types.keys();
  return missing === undefined ? null : `\`${missing}\` is only there`;
}

/** A DAG can wait for tables of other DAGs, but not, in a circle, for itself. */
function checkAssets(dags: readonly ReadDag[], tables: ReadonlyMap<string, readonly TableLoad[]>): void {
  for (const { assets, report } of dags) {
    for (const { value, at } of assets) {
      if (!tables.has(value))
        report.error(at, "unknown-table", `no DAG loads the table \`${value.slice(0, 80)}\``, didYouMean(value, [...tables.keys()]));
    }
  }
  const byId = new Map(dags.map((read) => [read.dag.id as string, read]));
  const cycles = findCycles(byId.keys(), (id) => {
    const read = byId.get(id);
    if (read === undefined) return [];
    return read.assets.flatMap(({ value, at }) =>
      (tables.get(value) ?? []).map(({ dag }) => ({ value: dag.id as string, at, report: read.report })),
    );
  });
  for (const { path, at, report } of cycles) {
    report.error(at, "cycle", `the DAG starts itself for ever: ${path.join(" -> ")}`, "Take the table out of the schedule.");
  }
}
