import { TransientError, UserError } from "../src/errors.ts";
import { readReleasedSpec } from "../src/host/released-spec.ts";
import { parseDagId } from "../src/ids.ts";
import { AirflowApi } from "../src/services/airflow-api.ts";
import { showFailures } from "./run-scrapes.ts";
import { type AirflowCall, followRun, startRun } from "./runs.ts";
import { runningStack } from "./stacks.ts";
import { createSteps } from "./steps.ts";

export interface RunDagOptions {
  readonly dag: string;
  readonly task: string | undefined;
  readonly month: string | undefined;
  readonly params: Readonly<Record<string, unknown>>;
  readonly format: "text" | "json";
}

/** Runs a DAG in the stack that is up, or one task of its newest run again, and follows it. Resolves to the exit code. */
export async function runDag({ dag, task, month, params, format }: RunDagOptions): Promise<number> {
  const { airflow, home } = runningStack();
  const { call } = new AirflowApi(airflow);
  const steps = createSteps();
  const known = await call("GET", `/dags/${encodeURIComponent(dag)}`);
  if (known.status === 404)
    throw new UserError(`there is no DAG ${dag} in Airflow`, {
      hint: "`dagline validate` tells whether its YAML is right; is it deployed?",
    });
  const now = new Date().toISOString();
  const run =
    task !== undefined
      ? await clearTask(call, dag, task)
      : month === undefined
        ? await startRun(call, { dag, runId: `run__${now}`, month: null, params })
        : await startRun(call, { dag, runId: `month__${month}`, month, params }, timezoneOf(home, known.body, dag));
  const result = await steps.run(`${dag} ${run}`, (note) => followRun(call, dag, run, note));
  await showFailures(call, result, steps);
  const tasks = Object.entries(result.tasks).map(([state, count]) => `${count} ${state}`);
  process.stdout.write(
    format === "json" ? `${JSON.stringify(result)}\n` : `${dag} ${run}: ${result.state} (${tasks.join(", ")}), ${result.seconds} s\n`,
  );
  return result.state === "success" ? 0 : 1;
}

function timezoneOf(home: string, body: unknown, dag: string): string {
  const { bundle_version } = body as { bundle_version?: string | null };
  return readReleasedSpec(home, bundle_version ?? null, parseDagId(dag)).timezone;
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
