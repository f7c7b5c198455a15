import type { LoadDefinition, TaskDefinition } from "../release/definition.ts";
import type { Change, ChangeKind } from "./model.ts";
import { durationText, modeText, show } from "./words.ts";

/** What differs between two lists of tasks: removed ones first, then the others in the order of the YAML. */
export function taskChanges(before: readonly TaskDefinition[], after: readonly TaskDefinition[]): Change[] {
  const old = new Map(before.map((task) => [task.id, task]));
  const kept = new Set(after.map((task) => task.id));
  const removed = before.filter((task) => !kept.has(task.id)).map((task) => change(task.id, "task removed", null, summary(task), null));
  const others = after.flatMap((task) => {
    const previous = old.get(task.id);
    return previous === undefined ? [change(task.id, "task added", null, null, summary(task))] : changesOf(previous, task);
  });
  return [...removed, ...others];
}

/** `extract, calls download`; `load into trips, append; after transform`. */
function summary(task: TaskDefinition): string {
  const does = task.kind === "load" ? `load into ${task.dataset_name}, ${modeText(task.mode)}` : `${task.kind}, calls ${task.callable}`;
  return task.dependencies.length === 0 ? does : `${does}; after ${task.dependencies.join(", ")}`;
}

function changesOf(before: TaskDefinition, after: TaskDefinition): Change[] {
  const [old, now] = [settings(before), settings(after)];
  const names = [...new Set([...Object.keys(old), ...Object.keys(now)])];
  const changed = names.flatMap((name) => {
    const [from, to] = [old[name] ?? null, now[name] ?? null];
    return from === to ? [] : [change(after.id, "setting", name, from, to)];
  });
  const params = [...new Set([...Object.keys(before.params), ...Object.keys(after.params)])].sort().flatMap((name) => {
    const [from, to] = [before, after].map((task) => (task.params[name] === undefined ? null : show(task.params[name])));
    return from === to ? [] : [change(after.id, "param", name, from ?? null, to ?? null)];
  });
  const fields = before.kind === "load" && after.kind === "load" ? fieldChanges(before, after) : [];
  return [...dependencyChanges(before, after), ...changed, ...params, ...fields];
}

/** Only the dependencies that are gone and new: what stays is no news. */
function dependencyChanges(before: TaskDefinition, after: TaskDefinition): Change[] {
  const gone = before.dependencies.filter((id) => !after.dependencies.includes(id));
  const added = after.dependencies.filter((id) => !before.dependencies.includes(id));
  if (gone.length + added.length > 0) return [change(after.id, "dependencies", null, list(gone), list(added))];
  // The first one's file is the function's `input`.
  if (before.dependencies.join() === after.dependencies.join()) return [];
  return [change(after.id, "setting", "order of dependencies", list(before.dependencies), list(after.dependencies))];
}

function list(ids: readonly string[]): string | null {
  return ids.length === 0 ? null : ids.join(", ");
}

/** By their words; null: not set. */
function settings(task: TaskDefinition): Record<string, string | null> {
  const own: Record<string, string | null> =
    task.kind === "load"
      ? {
          kind: task.kind,
          table: task.dataset_name,
          mode: modeText(task.mode),
          "max bad rows": String(task.max_bad_rows),
          adopts: adoptsText(task),
        }
      : {
          kind: task.kind,
          callable: task.callable,
          "file extension": task.file_extension,
          "latest file comparison check": String(task.latest_file_comparison_check),
          "wait for data": task.wait_for_data === undefined ? null : durationText(task.wait_for_data),
        };
  return {
    ...own,
    retries: task.retries === null ? null : String(task.retries),
    "retry delay": task.retry_delay === null ? null : durationText(task.retry_delay),
    "execution timeout": task.execution_timeout === null ? null : durationText(task.execution_timeout),
    pool: task.pool,
  };
}

function adoptsText({ adopts }: LoadDefinition): string | null {
  if (adopts === undefined || adopts.length === 0) return null;
  return adopts.map((one) => ("slice" in one ? `slice ${one.slice}` : `${one.dag}.${one.task}`)).join(", ");
}

function fieldChanges(before: LoadDefinition, after: LoadDefinition): Change[] {
  const old = new Map(before.fields.map((field) => [field.name, field.type]));
  const now = new Map(after.fields.map((field) => [field.name, field.type]));
  const changes = [...new Set([...old.keys(), ...now.keys()])].flatMap((name) => {
    const [from, to] = [old.get(name) ?? null, now.get(name) ?? null];
    return from === to ? [] : [change(after.id, "field", name, from, to)];
  });
  const [oldOrder, newOrder] = [[...old.keys()].filter((name) => now.has(name)), [...now.keys()].filter((name) => old.has(name))];
  const moved = oldOrder.some((name, index) => newOrder[index] !== name);
  return moved ? [...changes, change(after.id, "fields reordered", null, null, null)] : changes;
}

function change(task: string, what: ChangeKind, name: string | null, from: string | null, to: string | null): Change {
  return { task, what, name, from, to };
}
