import { TransientError, UserError } from "../src/errors.ts";
import { periodOf } from "../src/time/period.ts";

/** One authenticated call of Airflow's REST API, `path` after `/api/v2`; a status of 400 or more comes back with its body. */
export type AirflowCall = (method: "GET" | "POST" | "PATCH", path: string, body?: unknown) => Promise<{ status: number; body: unknown }>;

export interface RunRequest {
  readonly dag: string;
  readonly runId: string;
  /** The first day of a month, or null for a run on demand. */
  readonly month: string | null;
  readonly params: Readonly<Record<string, unknown>>;
}

export interface RunResult {
  readonly dag: string;
  readonly run: string;
  /** waiting: all that it has left to do is to ask again for data that is not there yet. */
  readonly state: "success" | "failed" | "waiting";
  readonly seconds: number;
  /** Tasks that failed, skipped and so on: how many of each state. */
  readonly tasks: Readonly<Record<string, number>>;
}

/**
 * Starts a run; one that exists already (the same month again) is cleared instead, so that it runs again on the latest release.
 * A month is one of the DAG's time zone.
 */
export async function startRun(call: AirflowCall, request: RunRequest, timezone = "UTC"): Promise<string> {
  await unpause(call, request.dag);
  const interval = request.month === null ? {} : monthInterval(request.month, timezone);
  const body = { dag_run_id: request.runId, logical_date: null, conf: request.params, ...interval };
  const { status, body: answer } = await call("POST", `/dags/${request.dag}/dagRuns`, body);
  if (status === 409) {
    const cleared = await call("POST", `/dags/${request.dag}/dagRuns/${encodeURIComponent(request.runId)}/clear`, {
      dry_run: false,
      only_failed: false,
      run_on_latest_version: true,
    });
    if (cleared.status < 400) return request.runId;
    throw new TransientError(`Airflow refused to run ${request.dag} again: ${JSON.stringify(cleared.body)}`);
  }
  if (status === 400) {
    throw new UserError(`Airflow refused to run ${request.dag}: ${reasonOf(answer)}`, {
      hint: `Give the params that it needs: dagline run ${request.dag} --params '{...}'`,
    });
  }
  if (status >= 400) throw new TransientError(`Airflow refused to run ${request.dag}: ${JSON.stringify(answer)}`);
  return request.runId;
}

/** Waits for a run to end, or to wait for its data; `progress` is told of the states of its tasks now and then. */
export async function followRun(
  call: AirflowCall,
  dag: string,
  run: string,
  progress: (text: string) => void,
  signal?: AbortSignal,
): Promise<RunResult> {
  const start = performance.now();
  for (;;) {
    signal?.throwIfAborted();
    const { body } = await call("GET", `/dags/${dag}/dagRuns/${encodeURIComponent(run)}`);
    const { state, duration } = body as { state: string; duration: number | null };
    if (state === "success" || state === "failed") {
      const seconds = duration === null ? secondsSince(start) : Math.round(duration * 10) / 10;
      return { dag, run, state, seconds, tasks: countStates(await taskInstances(call, dag, run)) };
    }
    const counts = countStates(await taskInstances(call, dag, run));
    if (waitsForData(counts)) return { dag, run, state: "waiting", seconds: secondsSince(start), tasks: counts };
    progress(
      Object.entries(counts)
        .map(([name, count]) => `${count} ${name}`)
        .join(", "),
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

function secondsSince(start: number): number {
  return Math.round((performance.now() - start) / 100) / 10;
}

function waitsForData(counts: Readonly<Record<string, number>>): boolean {
  const idle = ["success", "skipped", "upstream_failed", "failed", "waiting", "up_for_reschedule"];
  return counts.up_for_reschedule !== undefined && Object.keys(counts).every((state) => idle.includes(state));
}

/** Runs that have not ended, of any DAG: those that a schedule began when its DAG was unpaused, too. */
export async function unfinishedRuns(call: AirflowCall): Promise<{ dag: string; run: string }[]> {
  const { body } = await call("GET", "/dags/~/dagRuns?state=queued&state=running&limit=100");
  const runs = (body as { dag_runs?: { dag_id: string; dag_run_id: string }[] }).dag_runs ?? [];
  return runs.map(({ dag_id, dag_run_id }) => ({ dag: dag_id, run: dag_run_id }));
}

export interface FailedTask {
  readonly task: string;
  readonly mapIndex: number;
  readonly log: string;
}

/** The tasks of a run that failed, with the end of their logs. */
export async function failedTasks(call: AirflowCall, dag: string, run: string): Promise<FailedTask[]> {
  const failed = (await taskInstances(call, dag, run)).filter((task) => task.state === "failed");
  return Promise.all(
    failed.map(async (task) => ({ task: task.task_id, mapIndex: task.map_index, log: await taskLog(call, dag, run, task) })),
  );
}

interface TaskInstance {
  readonly task_id: string;
  readonly state: string | null;
  readonly map_index: number;
  readonly try_number: number;
}

async function taskInstances(call: AirflowCall, dag: string, run: string): Promise<TaskInstance[]> {
  const { body } = await call("GET", `/dags/${dag}/dagRuns/${encodeURIComponent(run)}/taskInstances?limit=1000`);
  return (body as { task_instances?: TaskInstance[] }).task_instances ?? [];
}

async function taskLog(call: AirflowCall, dag: string, run: string, task: TaskInstance): Promise<string> {
  const path = `/dags/${dag}/dagRuns/${encodeURIComponent(run)}/taskInstances/${task.task_id}/logs/${task.try_number}?map_index=${task.map_index}`;
  const { body } = await call("GET", path);
  const content = (body as { content?: { event?: string }[] }).content ?? [];
  return content
    .map((line) => line.event ?? "")
    .slice(-20)
    .join("\n");
}

async function unpause(call: AirflowCall, dag: string): Promise<void> {
  const { status, body } = await call("PATCH", `/dags/${dag}?update_mask=is_paused`, { is_paused: false });
  if (status >= 400) throw new TransientError(`Airflow refused to unpause ${dag}: ${JSON.stringify(body)}`);
}

/** Airflow's error bodies say why in `detail`. */
function reasonOf(body: unknown): string {
  const detail = (body as { detail?: unknown } | null)?.detail ?? body;
  return typeof detail === "string" ? detail : JSON.stringify(detail);
}

function countStates(tasks: readonly TaskInstance[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const task of tasks) counts[task.state ?? "waiting"] = (counts[task.state ?? "waiting"] ?? 0) + 1;
  return counts;
}

/** The month is the data interval. */
function monthInterval(month: string, timezone: string): { logical_date: string; data_interval_start: string; data_interval_end: string } {
  const { start, end } = periodOf(month, timezone);
  return { logical_date: start.toISOString(), data_interval_start: start.toISOString(), data_interval_end: end.toISOString() };
}
