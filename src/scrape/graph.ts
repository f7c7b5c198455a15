import { didYouMean, nearest } from "./did-you-mean.ts";
import type { Located } from "./read-node.ts";
import type { Report } from "./report.ts";

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

/** Files whose rows can be counted, compared and loaded. */
const tableFiles = ["csv", "parquet", "ndjson"];

/** Reports what is wrong between tasks: unknown names, cycles, loose ends, loads in the middle, checks that would lose rows. */
export function checkGraph(tasks: ReadonlyMap<string, GraphTask>, report: Report): void {
  const fed = new Set<string>();
  for (const task of tasks.values()) checkDependencies(task, tasks, fed, report);
  const acyclic = checkCycles(tasks, report);
  for (const task of tasks.values()) checkEnds(task, fed, report);
  if (!acyclic) return;
  for (const task of tasks.values()) if (task.checkAt !== null) checkComparison(task, task.checkAt, tasks, report);
}

function checkDependencies(task: GraphTask, tasks: ReadonlyMap<string, GraphTask>, fed: Set<string>, report: Report): void {
  const others = [...tasks.keys()].filter((id) => id !== task.id);
  for (const { value: id, at } of task.dependencies) {
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
    if (task.kind === "load" && upstream.extension !== null && !tableFiles.includes(upstream.extension)) {
      report.error(
        at,
        "not-a-table-file",
        `the load \`${task.id}\` cannot read the .${upstream.extension} file of \`${id}\``,
        `A load reads ${tableFiles.join(", ")}: put a transform between them.`,
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

/** Every cycle's path, its first node repeated at the end, and where the edge that closes it is written. */
export function findCycles<T extends Located<string>>(
  nodes: Iterable<string>,
  edges: (node: string) => readonly T[],
): (Omit<T, "value"> & { path: string[] })[] {
  const state = new Map<string, "open" | "done">();
  const found: (Omit<T, "value"> & { path: string[] })[] = [];
  const visit = (node: string, path: readonly string[]): void => {
    state.set(node, "open");
    for (const edge of edges(node)) {
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
function checkComparison(task: GraphTask, at: number, tasks: ReadonlyMap<string, GraphTask>, report: Report): void {
  if (task.extension !== null && !tableFiles.includes(task.extension)) {
    report.error(
      at,
      "comparison-check",
      `the rows of a .${task.extension} file cannot be compared`,
      `The check is for ${tableFiles.join(", ")} files.`,
    );
  }
  for (const load of tasks.values()) {
    if (load.kind !== "load") continue;
    const { reaches, others } = rootsAround(load, task.id, tasks);
    const other = others[0];
    if (!reaches || other === undefined) continue;
    report.error(
      at,
      "comparison-check",
      `\`${load.id}\` is also fed by \`${other}\`: when \`${task.id}\` is skipped, the rows of \`${other}\` would be lost`,
      `Leave the check out here, or give each branch its own load.`,
    );
  }
}

/** Whether `through` lies on a path into the load, and the first tasks of those paths that pass it by. */
function rootsAround(load: GraphTask, through: string, tasks: ReadonlyMap<string, GraphTask>): { reaches: boolean; others: string[] } {
  const seen = new Set<string>();
  const others: string[] = [];
  let reaches = false;
  const waiting = load.dependencies.map(({ value }) => value);
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (id === through) reaches = true;
    const task = tasks.get(id);
    if (id === through || seen.has(id) || task === undefined) continue;
    seen.add(id);
    if (task.dependencies.length === 0) others.push(id);
    waiting.push(...task.dependencies.map(({ value }) => value));
  }
  return { reaches, others };
}
