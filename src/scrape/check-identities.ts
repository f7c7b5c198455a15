import type { Dag, LoadTask, Task } from "./model.ts";
import type { Report } from "./report.ts";
import { OVERWRITE_NEWER } from "./reserved-params.ts";
import { slicesMeet } from "./slice-overlap.ts";
import { type SlicePart, slicePartsOf, sliceTimes } from "./slice-template.ts";

/** A load of a table, with its DAG and places. */
export interface TableLoad {
  readonly dag: Dag;
  readonly task: LoadTask;
  readonly at: number;
  readonly report: Report;
}

const sharing =
  " Two DAGs of a scrape share slices when they fetch in the same way: functions, URL, params and time zone, and one schedule at most.";

/** Of all loads of one table: no two own the same rows, and what one adopts is nobody else's. */
export function checkIdentities(loads: readonly TableLoad[]): void {
  const slices = loads.map((load) => slicePartsOf(load.dag, load.task));
  for (const [index, load] of loads.entries()) {
    const parts = slices[index] ?? [];
    const other = loads.slice(0, index).find((one, n) => parts.length > 0 && meet(slices[n], parts) && !loadTheSame(one, load));
    if (other !== undefined) {
      load.report.error(
        load.at,
        "same-slice",
        `${nameOf(other)} can load the same slice of the table \`${load.task.table}\`, and each takes the other's rows away`,
        `Begin the slice of each with a text of its own, such as its task's id, or give each its own table.${
          other.dag.scrape === load.dag.scrape && other.dag.id !== load.dag.id ? sharing : ""
        }`,
      );
    }
    checkAdoptions(load, loads, slices);
  }
}

function checkAdoptions(load: TableLoad, loads: readonly TableLoad[], slices: readonly (readonly SlicePart[])[]): void {
  const { dag, task, at, report } = load;
  const wrong = (message: string, hint: string): void => report.error(at, "adopts", message, hint);
  for (const old of task.adopts) {
    if ("task" in old) {
      if (loads.some((other) => other.dag.id === old.dag && other.task.id === old.task)) {
        wrong(`${old.dag}.${old.task} still loads the table \`${task.table}\``, "Only the rows of a load that is gone can be taken over.");
      } else if (loads.some((other) => other !== load && adoptsTask(other.task, old))) {
        wrong(`two loads adopt the rows of ${old.dag}.${old.task}`, "Leave one of the two.");
      }
      continue;
    }
    if (task.mode.kind !== "append" || task.mode.slice === null) {
      wrong(`\`${task.id}\` has no slice, and adopts one`, "A slice is taken over by a slice: `mode: append` with `slice`.");
      continue;
    }
    const before = { ...task, mode: { kind: "append", slice: old.slice } } as const;
    if (grainOf(dag, before) !== grainOf(dag, task)) {
      wrong(
        `the slice ${old.slice} has other variables than ${task.mode.slice}: one slice would be several, or several one`,
        "Only a slice of the same variables can be taken over. Keep the old slice, or load the rows into a new table.",
      );
      continue;
    }
    const parts = slicePartsOf(dag, before);
    const owner = loads.find((other, index) => meet(slices[index], parts) && !(other !== load && loadTheSame(other, load)));
    if (owner !== undefined)
      wrong(`${nameOf(owner)} still loads the slice ${old.slice}`, "Only a slice that nobody loads any more can be taken over.");
  }
}

function adoptsTask(task: LoadTask, old: { readonly dag: string; readonly task: string }): boolean {
  return task.adopts.some((one) => "task" in one && one.dag === old.dag && one.task === old.task);
}

/** Which variables tell one slice from another. */
function grainOf(dag: Dag, task: Pick<LoadTask, "mode" | "params">): string {
  const times = [...sliceTimes(dag, task)];
  const names = slicePartsOf(dag, task).flatMap((part) => (part.kind === "free" || part.kind === "choice" ? [part] : []));
  const params = names.flatMap((part) => (part.kind === "choice" && part.values.length === 1 ? [] : [part.name]));
  return [...new Set([...times, ...params])].sort().join(" ");
}

function meet(one: readonly SlicePart[] | undefined, other: readonly SlicePart[]): boolean {
  return one !== undefined && one.length > 0 && slicesMeet(one, other);
}

/**
 * Two DAGs of one scrape that fetch the same rows in the same way, one for each month and one for a range: whichever loads a slice, it is the same.
 * Two schedules have intervals of their own.
 */
function loadTheSame(one: TableLoad, other: TableLoad): boolean {
  const [first, second] = [one.dag.schedule, other.dag.schedule];
  if (first.kind === "cron" && second.kind === "cron" && first.expression !== second.expression) return false;
  return one.dag.id !== other.dag.id && recipe(one) === recipe(other);
}

function recipe({ dag, task }: TableLoad): string {
  const tasks = new Map<string, Task>(dag.tasks.map((one) => [one.id, one]));
  const above = (id: string, seen: readonly string[]): unknown => {
    const found = tasks.get(id);
    if (found === undefined || found.kind === "load" || seen.includes(id)) return null;
    return [found.callable, found.fileExtension, found.params, found.dependencies.map((next) => above(next, [...seen, id]))];
  };
  const { slice } = task.mode.kind === "append" ? task.mode : { slice: null };
  const { callableFile, configPath, url, timezone } = dag;
  const from = task.dependencies.map((id) => above(id, []));
  return JSON.stringify([callableFile, configPath, url, timezone, slice, task.params, paramsBeside(dag, slice ?? ""), from]);
}

/** The params that neither the slice nor the range of months tells of, with their defaults. */
function paramsBeside({ params, eachMonth }: Dag, slice: string): [string, unknown][] {
  const told = [eachMonth?.from, eachMonth?.to, OVERWRITE_NEWER];
  const names = Object.keys(params).filter((name) => !told.includes(name) && !slice.includes(`{${name}}`));
  return names.sort().map((name) => [name, params[name]?.default ?? null]);
}

function nameOf({ report, task }: TableLoad): string {
  return `\`${task.id}\` (${report.file}:${task.line})`;
}
