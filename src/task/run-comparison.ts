import { UserError } from "../errors.ts";
import { whyNeeded } from "../load/compare-load.ts";
import type { TaskDocument } from "./document.ts";
import { loadRequestOf } from "./load-request.ts";
import type { LoadServices } from "./run-load.ts";
import type { TaskResult } from "./run-task.ts";
import type { DagSpec, FunctionSpec } from "./spec.ts";
import type { StagedReference } from "./staged-file.ts";

/**
 * Skips a task whose rows all its loads have in their tables already. A process of its own, without the user's code, since it knows the
 * database's password. It only saves work: where it can't compare, the task is done and its rows are loaded.
 */
export async function runComparison(
  document: TaskDocument,
  output: StagedReference,
  dag: DagSpec,
  task: FunctionSpec,
  { database: connect, log, signal }: Pick<LoadServices, "database" | "log" | "signal">,
): Promise<TaskResult> {
  const done: TaskResult = { state: "done", output };
  if (output.rows_digest === null || document.database === null) return done;
  try {
    const database = await connect(document.database);
    const onAbort = (): void => database.abort();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      for (const id of task.compare_with) {
        const load = dag.tasks[id];
        if (load?.kind !== "load") throw new UserError(`the release has no load ${id} in the DAG ${dag.dag}`);
        const reason = await whyNeeded(database, await loadRequestOf(document, dag, id, load), document.task, output.rows_digest);
        if (reason === null) continue;
        log.info(`not skipped: ${id} is needed, since ${reason}`);
        return done;
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
      await database.end();
    }
  } catch (error) {
    signal.throwIfAborted();
    log.warn(`not compared with what was loaded, so nothing is skipped: ${error instanceof Error ? error.message : String(error)}`);
    return done;
  }
  return { state: "skipped", reason: `the same ${output.rows} rows were loaded before, and are in the table`, no_data: false };
}
