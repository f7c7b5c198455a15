import { readdirSync } from "node:fs";
import { describeError, TransientError, UserError } from "../src/errors.ts";
import { watchAttempts } from "./attempts.ts";
import { type Following, followRun, printCounts, type RunResult } from "./follow-run.ts";
import { type AirflowCall, dagState, endRun, type Run, type RunRequest, startRun, unfinishedRuns } from "./runs.ts";
import { attemptTeller } from "./show-attempt.ts";
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

export interface RunScrapesOptions {
  /** The DAGs of the release. */
  readonly dags: readonly string[];
  readonly steps: Steps;
  readonly signal: AbortSignal;
  /** Whether to wait for the retries of a task that failed; else they are left to go on by themselves. */
  readonly untilTheEnd: boolean;
}

/** What came of the runs, and what goes on after that was told. */
export interface ScrapeRuns {
  readonly results: readonly RunResult[];
  /** Shows what comes of the runs that are not over, until they are or the signal aborts. */
  followOn(): Promise<void>;
}

/**
 * Runs them side by side in Airflow and waits for all, then for those that a schedule has begun. A failed attempt is shown at once with its reason.
 * A DAG that is paused, that needs params, or that catches up over many runs is not waited for, and is told.
 */
export async function runScrapes(call: AirflowCall, requests: readonly RunRequest[], options: RunScrapesOptions): Promise<ScrapeRuns> {
  const { steps } = options;
  const started = await Promise.all(requests.map((request) => start(call, request, steps)));
  const ours = await followAll(call, started.flat(), options);
  const scheduled = await othersToFollow(call, ours, options);
  const all = [...ours, ...(await followAll(call, scheduled, options))];
  return {
    results: all.map(({ result }) => result),
    async followOn() {
      const left = all.filter(({ result: { state } }) => state === "retrying" || state === "unfinished");
      await Promise.all(
        left.map(async ({ result, following }) => {
          const { dag, run, state, tasks } = await followRun(call, result, { ...following, limitSeconds: 86_400 });
          steps.say(`Run ${dag} ${run}: ${state} (${printCounts(tasks)})`);
        }),
      );
    },
  };
}

async function start(call: AirflowCall, request: RunRequest, steps: Steps): Promise<Run[]> {
  try {
    const state = await dagState(call, request.dag);
    if (state?.paused === true) {
      steps.say(`${request.dag} is paused, so it is not run. To run it: dagline run ${request.dag} --unpause`);
      return [];
    }
    return [{ dag: request.dag, run: await startRun(call, request) }];
  } catch (error) {
    if (!(error instanceof UserError || error instanceof TransientError)) throw error;
    steps.say(describeError(error));
    return [];
  }
}

/** More unfinished runs of a DAG than these are a catch-up, which may take days. */
const MOST_RUNS_OF_A_DAG = 3;

/** The runs that we did not start and that will end soon. One that nobody will ever have go on, since its scrape was deleted, is ended as failed. */
async function othersToFollow(call: AirflowCall, ours: readonly Followed[], { dags, steps }: RunScrapesOptions): Promise<Run[]> {
  const known = new Set(ours.map(({ result: { dag, run } }) => `${dag} ${run}`));
  const others = (await unfinishedRuns(call)).filter(({ dag, run }) => !known.has(`${dag} ${run}`));
  const found: Run[] = [];
  for (const [dag, runs] of Map.groupBy(others, (run) => run.dag)) {
    const state = await dagState(call, dag);
    const count = runs.length === 1 ? "1 run" : `${runs.length} runs`;
    const isDeleted = !dags.includes(dag);
    if (state === undefined || (isDeleted && state.paused)) {
      for (const run of runs) await endRun(call, run, "its scrape was deleted");
      steps.say(`ended ${count} of ${dag}, which would never go on: the release no longer has this DAG`);
    } else if (isDeleted) {
      steps.say(`${dag} is no longer in the release: ${count} of it under way, which this does not wait for`);
    } else if (state.paused) steps.say(`${dag} is paused: ${count} of it unfinished until it is unpaused`);
    else if (runs.length > MOST_RUNS_OF_A_DAG) steps.say(`${dag} catches up: ${count} are under way, which this does not wait for`);
    else found.push(...runs);
  }
  return found;
}

interface Followed {
  readonly result: RunResult;
  readonly following: Following;
}

function followAll(call: AirflowCall, runs: readonly Run[], { steps, signal, untilTheEnd }: RunScrapesOptions): Promise<Followed[]> {
  return Promise.all(
    runs.map((run) =>
      steps.run(`Run ${run.dag} ${run.run}`, async (note, fail) => {
        const failed = attemptTeller(call, run, { say: steps.say, now: () => new Date() });
        const following = { attempts: watchAttempts(), failed, signal };
        const result = await followRun(call, run, { ...following, progress: note, leaveWaits: !untilTheEnd });
        note(endOf(result));
        if (result.state === "failed" || result.state === "stuck") fail();
        return { result, following };
      }),
    ),
  );
}

function endOf({ state, why, tasks }: RunResult): string {
  const counts = printCounts(tasks);
  switch (state) {
    case "success":
      return counts;
    case "failed":
      return `failed (${counts})`;
    case "waiting":
      return `waits for data that is not published yet (${counts})`;
    case "retrying":
      return `retries (${counts}): it goes on by itself`;
    case "unfinished":
      return `${why ?? "still under way"} (${counts}): it goes on by itself`;
    case "stuck":
      return `stuck: ${why ?? "Airflow does not say why"} (${counts})`;
  }
}
