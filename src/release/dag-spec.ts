import type { Dag, LoadTask, Task } from "../scrape/model.ts";

/**
 * What the task runner needs of a DAG, as the text of `specs/DAG_ID.json`: docs/architecture.md gives the form.
 * `functions` and `config` are paths in the release, null when the DAG has none.
 */
export function renderSpec(dag: Dag, paths: { readonly functions: string | null; readonly config: string | null }): string {
  const loads = loadsBelow(dag.tasks);
  const spec = {
    dag: dag.id,
    scrape: dag.scrape,
    url: dag.url,
    functions: paths.functions,
    config: paths.config,
    each_month: dag.eachMonth === null ? null : { from: dag.eachMonth.from, to: dag.eachMonth.to },
    timezone: dag.timezone,
    tasks: Object.fromEntries(
      dag.tasks.map((task) => [task.id, task.kind === "load" ? loadSpec(task, dag.tasks, loads) : callSpec(task, loads)]),
    ),
  };
  return `${JSON.stringify(spec, null, 2)}\n`;
}

function callSpec(task: Exclude<Task, LoadTask>, loads: Loads) {
  return {
    kind: task.kind,
    callable: task.callable,
    extension: task.fileExtension,
    params: task.params,
    dependencies: task.dependencies,
    compare_with: task.comparisonCheck ? [...(loads.get(task.id) ?? [])] : [],
    ...(task.kind === "extract" && task.waitForDataSeconds !== null ? { wait_seconds: task.waitForDataSeconds } : {}),
  };
}

function loadSpec(task: LoadTask, all: readonly Task[], loads: Loads) {
  return {
    kind: task.kind,
    table: task.table,
    mode: task.mode,
    params: task.params,
    max_bad_rows: task.maxBadRows,
    fields: task.fields.map((field) => ({ name: field.name, type: field.type })),
    dependencies: task.dependencies,
    ...(task.adopts.length === 0 ? {} : { adopts: task.adopts }),
    confirms: all
      .filter((other) => other.kind !== "load" && other.comparisonCheck && loads.get(other.id)?.has(task.id))
      .map((other) => other.id),
  };
}

/** By task: the loads that its rows end in, over any number of tasks, in the order of the YAML. */
type Loads = ReadonlyMap<string, ReadonlySet<string>>;

function loadsBelow(tasks: readonly Task[]): Loads {
  const byId = new Map<string, Task>(tasks.map((task) => [task.id, task]));
  const loads = new Map<string, Set<string>>(tasks.map((task) => [task.id, new Set()]));
  for (const load of tasks) {
    if (load.kind !== "load") continue;
    const seen = new Set<string>();
    const waiting: string[] = [...load.dependencies];
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      if (seen.has(id)) continue;
      seen.add(id);
      loads.get(id)?.add(load.id);
      waiting.push(...(byId.get(id)?.dependencies ?? []));
    }
  }
  return loads;
}
