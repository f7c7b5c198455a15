import { readdirSync } from "node:fs";
import { describeError, UserError } from "../src/errors.ts";
import { type AirflowCall, failedTasks, followRun, type RunRequest, type RunResult, startRun, unfinishedRuns } from "./runs.ts";
import type { Steps } from "./steps.ts";

export type Source = { readonly kind: "live" } | { readonly kind: "generated" } | { readonly kind: "files"; readonly dir: string };

/**
 * Which runs show the scrapes at work: the zones; the newest month by the monthly DAG; the months before by the historical one.
 * A DAG that is not among `dags` is left out; every other DAG (the user's own) is run once.
 */
export function planRuns(dags: readonly string[], months: readonly string[]): RunRequest[] {
  const sorted = [...months].sort();
  const newest = sorted.at(-1);
  const [first, last] = [sorted[0], sorted.at(-2)];
  const taxi: RunRequest[] = [];
  if (newest !== undefined) taxi.push({ dag: "new_york_taxi", runId: `month__${newest}`, month: newest, params: {} });
  if (first !== undefined && last !== undefined) {
    const params = { from_month: first, to_month: last };
    taxi.push({ dag: "new_york_taxi_historical", runId: `months__${first}__${last}`, month: null, params });
  }
  const special = ["new_york_taxi", "new_york_taxi_historical"];
  const others = dags.filter((dag) => !special.includes(dag)).map((dag) => ({ dag, runId: "up", month: null, params: {} }));
  return [...taxi.filter((run) => dags.includes(run.dag)), ...others];
}

/** The months that the source has: those of the folder's files, or a few that show the turn of a year. */
export function monthsOf(source: Source, now: Date): string[] {
  if (source.kind === "files") {
    const names = readdirSync(source.dir).map((file) => /^(?:green|yellow)_tripdata_(\d{4}-\d{2})\.parquet$/.exec(file)?.[1]);
    return [...new Set(names.filter((month) => month !== undefined))];
  }
  // The TLC publishes about two months late. One month of the real, large files is enough to see.
  const newest = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 3, 1)).toISOString().slice(0, 7);
  return source.kind === "live" ? [newest] : ["2023-12", "2024-01", newest];
}

/** Runs them side by side in Airflow and waits for all; a failed run's reason is shown at once. A DAG that needs params is left out. */
export async function runScrapes(call: AirflowCall, runs: readonly RunRequest[], steps: Steps, signal: AbortSignal): Promise<RunResult[]> {
  const started = await Promise.all(
    runs.map(async (request) => {
      try {
        return [{ dag: request.dag, run: await startRun(call, request) }];
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        steps.say(describeError(error));
        return [];
      }
    }),
  );
  const ours = await followAll(call, started.flat(), steps, signal);
  // Unpaused by us, a DAG with a schedule runs for its latest interval as well; its rows are in the tables, too.
  const scheduled = await followAll(call, await unfinishedRuns(call), steps, signal);
  return [...ours, ...scheduled];
}

function followAll(
  call: AirflowCall,
  runs: readonly { dag: string; run: string }[],
  steps: Steps,
  signal: AbortSignal,
): Promise<RunResult[]> {
  return Promise.all(
    runs.map(({ dag, run }) =>
      steps.run(`Run ${dag} ${run}`, async (note) => {
        const result = await followRun(call, dag, run, note, signal);
        note(result.state === "failed" ? "FAILED" : describeTasks(result));
        if (result.state === "failed") await showFailures(call, result, steps);
        return result;
      }),
    ),
  );
}

export async function showFailures(call: AirflowCall, result: RunResult, steps: Pick<Steps, "say">): Promise<void> {
  for (const { task, mapIndex, log } of await failedTasks(call, result.dag, result.run)) {
    steps.say(`  ${result.dag}.${task}${mapIndex < 0 ? "" : `[${mapIndex}]`} failed:\n${log.replace(/^/gm, "    ")}`);
  }
}

function describeTasks({ tasks }: RunResult): string {
  return Object.entries(tasks)
    .map(([state, count]) => `${count} ${state}`)
    .join(", ");
}
