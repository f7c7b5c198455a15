import { TransientError, UserError } from "../src/errors.ts";
import { periodOf } from "../src/time/period.ts";
import { runPath } from "./task-instances.ts";

/** One authenticated call of Airflow's REST API, `path` after `/api/v2`; a status of 400 or more comes back with its body. */
export type AirflowCall = (method: "GET" | "POST" | "PATCH", path: string, body?: unknown) => Promise<{ status: number; body: unknown }>;

export interface RunRequest {
  readonly dag: string;
  readonly runId: string;
  /** The first day of a month, or null for a run on demand. */
  readonly month: string | null;
  readonly params: Readonly<Record<string, unknown>>;
}

/** A run of a DAG, by its id. */
export interface Run {
  readonly dag: string;
  readonly run: string;
}

/**
 * Starts a run; one that exists already (the same month again) is cleared instead, so that it runs again on the latest release.
 * A month is one of the DAG's time zone.
 */
export async function startRun(call: AirflowCall, request: RunRequest, timezone = "UTC"): Promise<string> {
  const interval = request.month === null ? {} : monthInterval(request.month, timezone);
  const body = { dag_run_id: request.runId, logical_date: null, conf: request.params, ...interval };
  const { status, body: answer } = await call("POST", `/dags/${request.dag}/dagRuns`, body);
  if (status === 409) {
    const cleared = await call("POST", `${runPath(request.dag, request.runId)}/clear`, {
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

/** Runs that have not ended, of any DAG: those that a schedule began, and those that an earlier time left, too. */
export async function unfinishedRuns(call: AirflowCall): Promise<Run[]> {
  const { body } = await call("GET", "/dags/~/dagRuns?state=queued&state=running&limit=100");
  const runs = (body as { dag_runs?: { dag_id: string; dag_run_id: string }[] }).dag_runs ?? [];
  return runs.map(({ dag_id, dag_run_id }) => ({ dag: dag_id, run: dag_run_id }));
}

/** Ends a run as failed. */
export async function endRun(call: AirflowCall, { dag, run }: Run, note: string): Promise<void> {
  const { status, body } = await call("PATCH", runPath(dag, run), { state: "failed", note });
  if (status >= 400) throw new TransientError(`Airflow refused to end the run ${run} of ${dag}: ${JSON.stringify(body)}`);
}

export interface DagState {
  readonly paused: boolean;
  /** Whether its file does not import. */
  readonly broken: boolean;
  /** The release that Airflow serves it of. */
  readonly release: string | null;
}

/** What Airflow says of a DAG; undefined when it does not serve it, or no longer. */
export async function dagState(call: AirflowCall, dag: string): Promise<DagState | undefined> {
  const { status, body } = await call("GET", `/dags/${encodeURIComponent(dag)}`);
  const found = body as { is_stale?: boolean; is_paused?: boolean; has_import_errors?: boolean; bundle_version?: string | null };
  if (status === 404 || found.is_stale === true) return undefined;
  if (status >= 400) throw new TransientError(`Airflow's API answered with status ${status} when asked for ${dag}`);
  return { paused: found.is_paused === true, broken: found.has_import_errors === true, release: found.bundle_version ?? null };
}

export async function unpause(call: AirflowCall, dag: string): Promise<void> {
  const { status, body } = await call("PATCH", `/dags/${dag}?update_mask=is_paused`, { is_paused: false });
  if (status >= 400) throw new TransientError(`Airflow refused to unpause ${dag}: ${JSON.stringify(body)}`);
}

/** Airflow's error bodies say why in `detail`. */
function reasonOf(body: unknown): string {
  const detail = (body as { detail?: unknown } | null)?.detail ?? body;
  return typeof detail === "string" ? detail : JSON.stringify(detail);
}

/** The month is the data interval. */
function monthInterval(month: string, timezone: string): { logical_date: string; data_interval_start: string; data_interval_end: string } {
  const { start, end } = periodOf(month, timezone);
  return { logical_date: start.toISOString(), data_interval_start: start.toISOString(), data_interval_end: end.toISOString() };
}
