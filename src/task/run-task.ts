import { UserError } from "../errors.ts";
import type { TaskDocument } from "./document.ts";
import { runComparison } from "./run-comparison.ts";
import { runFunction } from "./run-function.ts";
import { type LoadServices, runLoad } from "./run-load.ts";
import { isSkip } from "./skip.ts";
import { readSpec, type TaskSpec } from "./spec.ts";
import type { StagedReference } from "./staged-file.ts";

/** What the runner is given from outside; the heavy ones are loaded when they are first needed. */
export type TaskServices = LoadServices;

/** How a task ended, unless it threw. docs/architecture.md gives the JSON form. */
export type TaskResult =
  | { readonly state: "done"; readonly output: StagedReference }
  | { readonly state: "done"; readonly load: Readonly<Record<string, unknown>> }
  /** `no_data`: the function says that there is nothing, or nothing yet; else the same rows or newer ones are in the table. */
  | { readonly state: "skipped"; readonly reason: string; readonly no_data: boolean };

/** Runs one task of one run. Throws what made it fail. */
export async function runTask(document: TaskDocument, services: TaskServices): Promise<TaskResult> {
  const { dag, task } = await readSpec(document.release_dir, document.dag, document.task);
  requireInputs(document, task);
  try {
    if (task.kind === "load") return await runLoad(document, dag, task, services);
    if (document.compare !== null) return await runComparison(document, document.compare, dag, task, services);
    return await runFunction(document, dag, task, services);
  } catch (error) {
    if (isSkip(error)) return { state: "skipped", reason: error.message, no_data: true };
    throw error;
  }
}

/** A file that is not there is not a file without rows: a load without it would empty what it replaces. */
function requireInputs({ task: id, upstream, confirms }: TaskDocument, task: TaskSpec): void {
  const without = (tasks: readonly string[], given: readonly StagedReference[]): string[] =>
    tasks.filter((other) => !given.some((reference) => reference.task === other));
  const confirmed = task.kind === "load" ? task.confirms : [];
  const missing = [...new Set([...without(task.dependencies, upstream), ...without(confirmed, confirms)])].join(", ");
  if (missing === "") return;
  throw new UserError(`${missing} left no reference to a staged file, so ${id} has nothing to read`, {
    hint: `Clear ${missing} with all tasks below, so that it stages its file again.`,
  });
}
