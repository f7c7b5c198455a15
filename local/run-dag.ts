import { readdirSync } from "node:fs";
import { join } from "node:path";
import { exitCode, TransientError, UserError } from "../src/errors.ts";
import { readReleasedSpec } from "../src/host/released-spec.ts";
import { parseDagId } from "../src/ids.ts";
import { nearest } from "../src/scrape/did-you-mean.ts";
import { AirflowApi } from "../src/services/airflow-api.ts";
import { followRun, printCounts, type RunResult } from "./follow-run.ts";
import { patientCall, SILENCE_SECONDS } from "./patient-call.ts";
import { type AirflowCall, dagState, startRun, unpause } from "./runs.ts";
import { attemptTeller } from "./show-attempt.ts";
import type { StackAddress } from "./stack-address.ts";
import { isUp, runningStack } from "./stacks.ts";
import { createSteps, type Steps } from "./steps.ts";
import { sampleText } from "./summary.ts";
import { type LoadedTable, loadedTables } from "./tables.ts";

export interface RunDagOptions {
  /** The project's folder. */
  readonly root: string;
  readonly dag: string;
  readonly task: string | undefined;
  readonly month: string | undefined;
  readonly params: Readonly<Record<string, unknown>>;
  /** Unpause the DAG first, if it is paused. */
  readonly unpause: boolean;
  /** False: a task that fails is not tried again. */
  readonly retries: boolean;
  readonly timeoutMinutes: number;
  readonly format: "text" | "json";
}

/** Runs a DAG in the stack that is up, or one task of its newest run again, and follows it. Resolves to the exit code. */
export async function runDag(options: RunDagOptions): Promise<number> {
  const stack = runningStack();
  try {
    return await runAndShow(stack, options);
  } catch (error) {
    if (!(error instanceof TransientError) || isUp(stack.dir)) throw error;
    throw new UserError("the local stack is not running any more", {
      hint: "Start it with `npm start`, then run this again.",
      cause: error,
    });
  }
}

async function runAndShow(stack: StackAddress, options: RunDagOptions): Promise<number> {
  const { dag, format, retries, timeoutMinutes } = options;
  const steps = createSteps();
  const call = patientCall(new AirflowApi(stack.airflow).call, {
    seconds: SILENCE_SECONDS,
    silent: ({ message }) => steps.say(`${message}; asking again`),
    goOn: () => isUp(stack.dir),
  });
  await waitUntilServed(call, options, steps);
  await checkPaused(call, options, steps);
  const run = await start(call, stack, options);
  const result = await steps.run(`${dag} ${run}`, async (note, fail) => {
    const failed = attemptTeller(call, { dag, run }, { say: steps.say, now: () => new Date(), noRetries: !retries });
    const end = await followRun(call, { dag, run }, { progress: note, failed, noRetries: !retries, limitSeconds: 60 * timeoutMinutes });
    note(printCounts(end.tasks));
    if (end.state !== "success") fail();
    return end;
  });
  const tables = result.state === "success" ? await loadedTables(stack, dag) : [];
  process.stdout.write(format === "json" ? `${JSON.stringify({ ...result, tables })}\n` : textOf(result, tables, stack, options));
  return { success: exitCode.done, failed: exitCode.userError, stuck: exitCode.userError }[result.state as string] ?? exitCode.tryAgain;
}

function textOf(
  { dag, run, state, why, tasks, seconds }: RunResult,
  tables: readonly LoadedTable[],
  stack: StackAddress,
  { timeoutMinutes }: RunDagOptions,
): string {
  const lines = [`${dag} ${run}: ${state}${why === undefined ? "" : `: ${why}`} (${printCounts(tasks)}), ${seconds} s`];
  if (state === "unfinished")
    lines.push(`It is not over after ${timeoutMinutes} minutes, and goes on in Airflow: ${stack.airflow.url}/dags/${dag}`);
  if (state === "waiting") lines.push("Its data is not published yet: Airflow asks again later.");
  return `${[...lines, ...tables.flatMap((table) => ["", `${table.name}: ${table.rows.toLocaleString("en")} rows`, ...sampleText(table.sample)])].join("\n")}\n`;
}

const SERVED_SECONDS = 60;

/** A scrape that was just saved is live a few seconds later. */
async function waitUntilServed(call: AirflowCall, { root, dag }: RunDagOptions, steps: Steps): Promise<void> {
  if ((await dagState(call, dag)) !== undefined) return;
  if (!isInProject(root, dag)) {
    const { body } = await call("GET", "/dags?limit=100");
    const known = ((body as { dags?: { dag_id: string }[] }).dags ?? []).map(({ dag_id }) => dag_id);
    const meant = nearest(dag, known);
    throw new UserError(`there is no DAG ${dag}`, {
      hint: meant === null ? `There are ${known.sort().join(", ")}.` : `Did you mean \`${meant}\`?`,
    });
  }
  await steps.run(`${dag} is saved, and not in Airflow yet`, async () => {
    const end = performance.now() + SERVED_SECONDS * 1000;
    while ((await dagState(call, dag)) === undefined) {
      if (performance.now() > end) {
        throw new UserError(`${dag} is in scrapes/, but not in Airflow after ${SERVED_SECONDS} s`, {
          hint: "What keeps it from there was printed where `npm start` runs; `npm run dagline -- validate` shows it, too.",
        });
      }
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  });
}

function isInProject(root: string, dag: string): boolean {
  return readdirSync(join(root, "scrapes"), { recursive: true, withFileTypes: true }).some(
    (entry) => entry.isFile() && (entry.name === `${dag}.yml` || entry.name === `${dag}.yaml`),
  );
}

async function checkPaused(call: AirflowCall, { dag, unpause: wanted }: RunDagOptions, steps: Steps): Promise<void> {
  if ((await dagState(call, dag))?.paused !== true) return;
  if (!wanted) {
    throw new UserError(`${dag} is paused: its run would wait without end`, {
      hint: `Unpause it: npm run dagline -- run ${dag} --unpause. A DAG with a schedule then runs by it, too.`,
    });
  }
  await unpause(call, dag);
  steps.say(`${dag} is unpaused now`);
}

async function start(call: AirflowCall, { home }: StackAddress, { dag, task, month, params }: RunDagOptions): Promise<string> {
  if (task !== undefined) return clearTask(call, dag, task);
  if (month === undefined) return startRun(call, { dag, runId: `run__${new Date().toISOString()}`, month: null, params });
  const { timezone } = readReleasedSpec(home, (await dagState(call, dag))?.release ?? null, parseDagId(dag));
  return startRun(call, { dag, runId: `month__${month}`, month, params }, timezone);
}

/** Clears one task of the newest run, so that it runs again. Returns the run's id. */
async function clearTask(call: AirflowCall, dag: string, task: string): Promise<string> {
  const { body } = await call("GET", `/dags/${dag}/dagRuns?order_by=-run_after&limit=1`);
  const run = (body as { dag_runs?: { dag_run_id: string }[] }).dag_runs?.[0]?.dag_run_id;
  if (run === undefined) throw new UserError(`${dag} has not run yet`, { hint: `Run all of it first: dagline run ${dag}` });
  const request = { dag_run_id: run, task_ids: [task], dry_run: false, only_failed: false, reset_dag_runs: true };
  const cleared = await call("POST", `/dags/${dag}/clearTaskInstances`, request);
  if (cleared.status === 404 || (cleared.body as { total_entries?: number }).total_entries === 0) {
    throw new UserError(`the run ${run} of ${dag} has no task ${task}`);
  }
  if (cleared.status >= 400) throw new TransientError(`Airflow refused to clear ${task}: ${JSON.stringify(cleared.body)}`);
  return run;
}
