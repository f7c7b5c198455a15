import type { AirflowRuns, Backfill, DagFacts, DagRun, NewBackfill, NewRun } from "../host/airflow-runs.ts";
import type { DagId } from "../ids.ts";
import type { JsonValue, ParamSpec } from "../scrape/model.ts";
import type { AirflowAnswer, AirflowApi } from "./airflow-api.ts";
import { type LogLine, lastError } from "./airflow-log.ts";
import { airflowRefusal } from "./airflow-refusal.ts";

/** Airflow's API gives at most so many of anything in one answer (`[api] maximum_page_limit`). */
const PAGE = 100;
/** Airflow creates all runs in the one request that asks for them: measured 22 s for a thousand. */
const LONG = { timeoutSeconds: 240 };

type Body = Record<string, unknown>;

/** What a backfill asks of Airflow, over its REST API. */
export class AirflowRunsApi implements AirflowRuns {
  readonly #api: AirflowApi;

  constructor(api: AirflowApi) {
    this.#api = api;
  }

  async dag(dag: DagId): Promise<DagFacts | undefined> {
    const answer = await this.#api.call("GET", `/dags/${dag}/details`);
    if (answer.status === 404) return undefined;
    const found = bodyOf(answer, "the DAG");
    if (found.is_stale === true) return undefined;
    const params = Object.entries((found.params ?? {}) as Record<string, { value?: JsonValue; schema?: Body }>);
    return {
      paused: found.is_paused === true,
      periodic: found.is_backfillable === true,
      cron: textOf(found.timetable_summary),
      release: textOf(found.bundle_version),
      start: dateOf(found.start_date),
      end: dateOf(found.end_date),
      broken: found.has_import_errors === true,
      params: Object.fromEntries(
        params.map(([name, { value, schema }]): [string, ParamSpec] => [name, { ...schema, default: value ?? null }]),
      ),
    };
  }

  runs(dag: DagId, from: Date, to: Date): Promise<DagRun[]> {
    const range = { logical_date_gte: from.toISOString(), logical_date_lte: to.toISOString(), order_by: "logical_date" };
    return this.#runs(dag, Object.entries(range));
  }

  async activeRuns(dag: DagId, prefix: string): Promise<DagRun[]> {
    const active = await this.#runs(dag, [
      ["state", "queued"],
      ["state", "running"],
    ]);
    return active.filter(({ id }) => id.startsWith(prefix));
  }

  async dryRun(backfill: NewBackfill): Promise<Date[]> {
    const answer = await this.#api.call("POST", "/backfills/dry_run", { ...requestOf(backfill), reprocess_behavior: "completed" }, LONG);
    const { backfills } = bodyOf(answer, "a dry run") as { backfills?: Body[] };
    return (backfills ?? []).flatMap(({ logical_date }) => dateOf(logical_date) ?? []);
  }

  async createBackfill(backfill: NewBackfill): Promise<Backfill | null> {
    const answer = await this.#api.call("POST", "/backfills", requestOf(backfill), LONG);
    return answer.status === 409 ? null : backfillOf(bodyOf(answer, "the backfill"));
  }

  async openBackfills(dag: DagId): Promise<Backfill[]> {
    const { backfills } = bodyOf(await this.#api.call("GET", `/backfills?dag_id=${dag}&order_by=-id&limit=${PAGE}`), "backfills");
    return ((backfills ?? []) as Body[]).map(backfillOf).filter(({ completed }) => !completed);
  }

  async backfill(id: string): Promise<Backfill | undefined> {
    const answer = await this.#api.call("GET", `/backfills/${encodeURIComponent(id)}`);
    return answer.status === 404 ? undefined : backfillOf(bodyOf(answer, "the backfill"));
  }

  async cancelBackfill(id: string): Promise<void> {
    const answer = await this.#api.call("PUT", `/backfills/${encodeURIComponent(id)}/cancel`);
    if (answer.status !== 409) bodyOf(answer, "the backfill's end");
  }

  async trigger(dag: DagId, { id, start, end, conf, note }: NewRun): Promise<boolean> {
    const interval = { data_interval_start: start.toISOString(), data_interval_end: end.toISOString() };
    const run = { dag_run_id: id, logical_date: start.toISOString(), ...interval, conf, note };
    const answer = await this.#api.call("POST", `/dags/${dag}/dagRuns`, run);
    if (answer.status === 409) return false;
    bodyOf(answer, `the run ${id}`);
    return true;
  }

  async clear(dag: DagId, runId: string, note: string): Promise<void> {
    const body = { dry_run: false, only_failed: false, run_on_latest_version: true, note };
    bodyOf(await this.#api.call("POST", `${runPath(dag, runId)}/clear`, body), `to run ${runId} again`);
  }

  async remove(dag: DagId, runId: string): Promise<void> {
    const answer = await this.#api.call("DELETE", runPath(dag, runId));
    if (answer.status !== 404 && answer.status !== 204) bodyOf(answer, `to remove the run ${runId}`);
  }

  async fail(dag: DagId, runId: string, note: string): Promise<void> {
    bodyOf(await this.#api.call("PATCH", runPath(dag, runId), { state: "failed", note }), `to end the run ${runId}`);
  }

  async annotate(dag: DagId, runId: string, note: string): Promise<void> {
    bodyOf(await this.#api.call("PATCH", `${runPath(dag, runId)}?update_mask=note`, { note }), `to annotate the run ${runId}`);
  }

  async failedTask(dag: DagId, runId: string): Promise<{ task: string; message: string } | undefined> {
    const answer = await this.#api.call("GET", `${runPath(dag, runId)}/taskInstances?state=failed&order_by=end_date&limit=1`);
    const [task] = (bodyOf(answer, "tasks").task_instances ?? []) as Body[];
    if (task === undefined) return undefined;
    const { task_id, try_number, map_index } = task;
    const mapped = typeof map_index === "number" && map_index >= 0;
    const path = `${runPath(dag, runId)}/taskInstances/${task_id}/logs/${try_number}?map_index=${map_index}`;
    const { status, body } = await this.#api.call("GET", path);
    const lines = status === 200 ? ((body as { content?: unknown } | null)?.content ?? []) : [];
    const shown = mapped ? (textOf(task.rendered_map_index) ?? String(map_index)) : null;
    return {
      task: shown === null ? String(task_id) : `${task_id}[${shown}]`,
      message: lastError(Array.isArray(lines) ? (lines as LogLine[]) : []) ?? "its log names no error",
    };
  }

  async #runs(dag: DagId, query: readonly (readonly [string, string])[]): Promise<DagRun[]> {
    const found: DagRun[] = [];
    for (;;) {
      const page = new URLSearchParams({ limit: String(PAGE), offset: String(found.length) });
      for (const [name, value] of query) page.append(name, value);
      const { dag_runs, total_entries } = bodyOf(await this.#api.call("GET", `/dags/${dag}/dagRuns?${page}`), "runs");
      const runs = ((dag_runs ?? []) as Body[]).map(runOf);
      found.push(...runs);
      if (runs.length === 0 || found.length >= Number(total_entries)) return found;
    }
  }
}

function requestOf({ dag, from, to, reprocess, maxActiveRuns, newestFirst, conf }: NewBackfill): Body {
  return {
    dag_id: dag,
    from_date: from.toISOString(),
    to_date: to.toISOString(),
    run_backwards: newestFirst,
    dag_run_conf: conf,
    reprocess_behavior: reprocess,
    max_active_runs: maxActiveRuns,
  };
}

function backfillOf(body: Body): Backfill {
  return {
    id: String(body.id),
    from: new Date(String(body.from_date)),
    to: new Date(String(body.to_date)),
    createdAt: new Date(String(body.created_at)),
    completed: body.completed_at !== null,
  };
}

function runOf(body: Body): DagRun {
  return {
    id: String(body.dag_run_id),
    state: String(body.state),
    type: String(body.run_type),
    logicalDate: dateOf(body.logical_date),
    queuedAt: dateOf(body.queued_at),
    note: textOf(body.note),
    conf: (body.conf ?? {}) as Readonly<Record<string, JsonValue>>,
  };
}

/** Airflow says why it refuses in `detail`. */
function bodyOf({ status, body }: AirflowAnswer, what: string): Body {
  if (status < 300) return (body ?? {}) as Body;
  const detail = (body as { detail?: unknown } | null)?.detail ?? "";
  throw airflowRefusal(status, what, (typeof detail === "string" ? detail : JSON.stringify(detail)).slice(0, 500));
}

function runPath(dag: DagId, runId: string): string {
  return `/dags/${dag}/dagRuns/${encodeURIComponent(runId)}`;
}

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function dateOf(value: unknown): Date | null {
  return typeof value === "string" ? new Date(value) : null;
}
