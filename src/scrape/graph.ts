import { didYouMean, nearest } from "./did-you-mean.ts";
import type { Located } from "./read-node.ts";
import type { Report } from "./report.ts";
import { tableExtensions } from "./table-files.ts";

export interface GraphTask {
  readonly id: string;
  /** null: unknown, and reported. */
  readonly kind: "extract" | "transform" | "load" | null;
  readonly at: number;
  readonly dependencies: readonly Located<string>[];
  /** Where `latest_file_comparison_check: true` stands, or null. */
  readonly checkAt: number | null;
  readonly extension: string | null;
}

/** Reports what is wrong between tasks: unknown names, cycles, loose ends, loads in the middle, checks that would lose rows. */
export function checkGraph(tasks: ReadonlyMap<string, GraphTask>, report: Report): void {
  const fed = new Set<string>();
  for (const task of tasks.values()) checkDependencies(task, tasks, fed, report);
  const acyclic = checkCycles(tasks, report);
  for (const task of tasks.values()) checkEnds(task, fed, report);
  if (!acyclic) return;
  const downstream = downstreamOf(tasks);
  for (const task of tasks.values()) {
    if (task.checkAt !== null && task.kind !== "load" && !report.full) checkComparison(task, task.checkAt, tasks, downstream, report);
  }
}

function checkDependencies(task: GraphTask, tasks: ReadonlyMap<string, GraphTask>, fed: Set<string>, report: Report): void {
  const others = [...tasks.keys()].filter((id) => id !== task.id);
  for (const { value: id, at } of task.dependencies) {
    if (report.full) return;
    const upstream = tasks.get(id);
    if (upstream === undefined) {
      report.error(
        at,
        "unknown-dependency",
        `\`${task.id}\` depends on \`${id.slice(0, 100)}\`, which is no task of this DAG`,
        didYouMean(id, others),
      );
      fed.add(nearest(id, others) ?? ""); // one slip, one problem: the task that was meant is not a loose end as well
      continue;
    }
    fed.add(id);
    if (upstream.kind === "load") {
      report.error(
        at,
        "depends-on-load",
        `\`${task.id}\` depends on the load \`${id}\`, which makes no file`,
        "Depend on the task that feeds the load; to run after a table changed, schedule a DAG on it: `schedule: { assets: [table] }`.",
      );
    }
    if (task.kind === "load" && upstream.extension !== null && !tableExtensions.includes(upstream.extension)) {
      report.error(
        at,
        "not-a-table-file",
        `the load \`${task.id}\` cannot read the .${upstream.extension} file of \`${id}\``,
        `A load reads ${tableExtensions.join(", ")}: put a transform between them.`,
      );
    }
  }
}

function checkEnds(task: GraphTask, fed: ReadonlySet<string>, report: Report): void {
  if (task.kind === "load" && task.dependencies.length === 0) {
    report.error(
      task.at,
      "no-upstream",
      `the load \`${task.id}\` has no upstream`,
      "Name the task that makes its file: `dependencies: [transform_…]`.",
    );
  }
  if (task.kind === "transform" && task.dependencies.length === 0) {
    report.error(
      task.at,
      "no-upstream",
      `the transform \`${task.id}\` has no input`,
      "Name the task that makes its input: `dependencies: [extract_…]`.",
    );
  }
  if (task.kind !== "load" && task.kind !== null && !fed.has(task.id)) {
    report.error(
      task.at,
      "dangling-task",
      `\`${task.id}\` leads nowhere: no task depends on it`,
      "Add it to the `dependencies` of a load or a transform, or take it out.",
    );
  }
}

/** False when there is a cycle. Each is reported once, at the dependency that closes it. */
function checkCycles(tasks: ReadonlyMap<string, GraphTask>, report: Report): boolean {
  const cycle = findCycles(tasks.keys(), (id) => tasks.get(id)?.dependencies ?? []);
  for (const { path, at } of cycle) {
    report.error(at, "cycle", `the tasks wait for each other: ${path.join(" -> ")}`, "Take out one of these dependencies.");
  }
  return cycle.length === 0;
}

/** Cycles (the first twenty, which is more than a person can look at): the path, its first node repeated at the end, and where the edge that closes it is written. */
export function findCycles<T extends Located<string>>(
  nodes: Iterable<string>,
  edges: (node: string) => readonly T[],
): (Omit<T, "value"> & { path: string[] })[] {
  const state = new Map<string, "open" | "done">();
  const found: (Omit<T, "value"> & { path: string[] })[] = [];
  const visit = (node: string, path: readonly string[]): void => {
    state.set(node, "open");
    for (const edge of edges(node)) {
      if (found.length >= 20) return;
      const next = edge.value;
      if (state.get(next) === "open") {
        const from = path.indexOf(next);
        const { value: _value, ...rest } = edge;
        found.push({ ...rest, path: [...path.slice(from), next] });
      } else if (!state.has(next)) visit(next, [...path, next]);
    }
    state.set(node, "done");
  };
  for (const node of nodes) if (!state.has(node)) visit(node, [node]);
  return found;
}

/** When the check skips a task, all that follows is skipped: a load that is also fed by another path would lose those rows. */
function checkComparison(
  task: GraphTask,
  at: number,
  tasks: ReadonlyMap<string, GraphTask>,
  downstream: ReadonlyMap<string, readonly string[]>,
  report: Report,
): void {
  if (task.extension !== null && !tableExtensions.includes(task.extension)) {
    report.error(
      at,
      "comparison-check",
      `the rows of a .${task.extension} file cannot be compared`,
      `The check is for ${tableExtensions.join(", ")} files.`,
    );
  }
  const below = reach([task.id], downstream, null);
  const roots = [...tasks.values()].filter((other) => other.id !== task.id && other.dependencies.length === 0).map(({ id }) => id);
  const others = reach(roots, downstream, task.id);
  for (const load of tasks.values()) {
    const other = others.get(load.id);
    if (load.kind !== "load" || other === undefined || !below.has(load.id)) continue;
    report.error(
      at,
      "comparison-check",
      `\`${load.id}\` is also fed by \`${other}\`: when \`${task.id}\` is skipped, the rows of \`${other}\` would be lost`,
      "Leave the check out here, or give each branch its own load.",
    );
  }
}

function downstreamOf(tasks: ReadonlyMap<string, GraphTask>): Map<string, string[]> {
  const downstream = new Map<string, string[]>();
  for (const task of tasks.values()) {
    for (const { value } of task.dependencies) {
      const known = downstream.get(value);
      if (known === undefined) downstream.set(value, [task.id]);
      else known.push(task.id);
    }
  }
  return downstream;
}

/** Each task that can be reached without passing `avoid`, and the one of `starts` from which. */
function reach(starts: readonly string[], downstream: ReadonlyMap<string, readonly string[]>, avoid: string | null): Map<string, string> {
  const from = new Map(starts.map((start) => [start, start]));
  const waiting = [...starts];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    const start = from.get(id) ?? id;
    for (const next of downstream.get(id) ?? []) {
      if (next === avoid || from.has(next)) continue;
      from.set(next, start);
      waiting.push(next);
    }
  }
  return from;
}
