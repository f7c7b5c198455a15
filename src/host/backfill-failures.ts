import type { RunFailure, RunProgress } from "../backfill/progress.ts";
import type { DagId } from "../ids.ts";
import type { AirflowRuns } from "./airflow-runs.ts";

/** Enough to see what is wrong; each costs two requests and room in the answer. */
const SHOWN = 10;

/** Why the first runs failed; nothing when no more have failed than the watcher knows of. */
export async function failuresOf(airflow: AirflowRuns, dag: DagId, runs: readonly RunProgress[], known: number): Promise<RunFailure[]> {
  const failed = runs.filter(({ state }) => state === "failed");
  if (failed.length <= known) return [];
  return Promise.all(
    failed.slice(0, SHOWN).map(async ({ period, run_id }) => {
      const found = await airflow.failedTask(dag, run_id);
      if (found !== undefined) return { period, run_id, ...found };
      return { period, run_id, task: null, message: "none of its tasks failed: it was ended before it began, or took too long" };
    }),
  );
}
