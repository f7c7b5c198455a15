import type { Airflow, ImportError, PausedDag, ServedDag, UnfinishedRun } from "../host/airflow.ts";
import { type DagId, parseDagId, type ReleaseId } from "../ids.ts";
import type { AirflowApi } from "./airflow-api.ts";
import { airflowRefusal } from "./airflow-refusal.ts";

/** Airflow's API gives at most so many of anything in one answer (`[api] maximum_page_limit`). */
const PAGE = 100;
const MOST_RUNS = 10_000;
/** The bundle of the DAGs that a deploy removed and that finish their runs, as Airflow's configuration names it. */
const leavingBundle = "dagline_leaving";
const UNFINISHED: [string, string][] = [
  ["state", "queued"],
  ["state", "running"],
];

/** What the agent asks of Airflow, over its REST API. `bundle` is our bundle's name in Airflow's configuration. */
export class AirflowHost implements Airflow {
  readonly #api: AirflowApi;
  readonly #bundle: string;

  constructor(api: AirflowApi, bundle: string) {
    this.#api = api;
    this.#bundle = bundle;
  }

  async countServed(release: ReleaseId): Promise<{ all: number; ofRelease: number }> {
    const [all, ofRelease] = await Promise.all([
      this.#get(`/dags?${this.#ours({ limit: "1" })}`),
      this.#get(`/dags?${this.#ours({ limit: "1", bundle_version: release })}`),
    ]);
    return { all: Number(all.total_entries), ofRelease: Number(ofRelease.total_entries) };
  }

  async served(): Promise<ServedDag[]> {
    const dags = await this.#pages("/dags", "dags");
    return dags.map(({ dag_id, bundle_version, fileloc }) => ({
      dag: parseDagId(String(dag_id)),
      release: typeof bundle_version === "string" ? bundle_version : null,
      file: String(fileloc),
    }));
  }

  async importErrors(): Promise<ImportError[]> {
    const errors = await this.#pages("/importErrors", "import_errors");
    return errors
      .filter((error) => error.bundle_name === this.#bundle)
      .map((error) => ({ file: String(error.filename), trace: String(error.stack_trace), at: new Date(String(error.timestamp)) }));
  }

  async unhealthy(): Promise<string[]> {
    const { status, body } = await this.#api.health();
    if (status !== 200) return [`the API server answers with status ${status}`];
    const parts = body as Record<string, { status?: string | null } | undefined>;
    const names = { metadatabase: "the metadata database", scheduler: "the scheduler", dag_processor: "the DAG processor" };
    return Object.entries(names)
      .filter(([part]) => parts[part]?.status !== "healthy")
      .map(([, name]) => `${name} is not healthy`);
  }

  async unfinishedRuns(): Promise<UnfinishedRun[]> {
    const found: UnfinishedRun[] = [];
    while (found.length < MOST_RUNS) {
      const query = new URLSearchParams([...UNFINISHED, ["limit", String(PAGE)], ["offset", String(found.length)], ["order_by", "id"]]);
      const page = await this.#get(`/dags/~/dagRuns?${query}`);
      const runs = (page.dag_runs ?? []) as { dag_id?: unknown; bundle_version?: unknown }[];
      for (const { dag_id, bundle_version } of runs) {
        found.push({ dag: String(dag_id), release: typeof bundle_version === "string" ? bundle_version : null });
      }
      if (runs.length < PAGE) break;
    }
    return found;
  }

  async servedBeside(): Promise<string[]> {
    return (await this.#pages("/dags", "dags", { bundle_name: leavingBundle })).map(({ dag_id }) => String(dag_id));
  }

  async paused(): Promise<PausedDag[]> {
    const query = { paused: "true", exclude_stale: "false" };
    const [ours, leaving] = await Promise.all([
      this.#pages("/dags", "dags", query),
      this.#pages("/dags", "dags", { ...query, bundle_name: leavingBundle }),
    ]);
    const paused = (served: boolean) => (dag: Record<string, unknown>) => ({ dag: parseDagId(String(dag.dag_id)), served });
    return [
      ...ours.filter(({ is_stale }) => is_stale !== true).map(paused(true)),
      ...[...ours.filter(({ is_stale }) => is_stale === true), ...leaving].map(paused(false)),
    ];
  }

  async setPaused(dag: DagId, paused: boolean): Promise<void> {
    const { status } = await this.#api.call("PATCH", `/dags/${dag}?update_mask=is_paused`, { is_paused: paused });
    if (status !== 200) throw airflowRefusal(status, `${dag} to be ${paused ? "paused" : "unpaused"}`, "");
  }

  async isInUse(release: ReleaseId): Promise<boolean> {
    const query = new URLSearchParams([["bundle_version", release], ...UNFINISHED, ["limit", "1"]]);
    const { total_entries } = await this.#get(`/dags/~/dagRuns?${query}`);
    return Number(total_entries) > 0;
  }

  async #pages(path: string, member: string, query: Record<string, string> = {}): Promise<Record<string, unknown>[]> {
    const found: Record<string, unknown>[] = [];
    for (;;) {
      const page = await this.#get(`${path}?${this.#ours({ ...query, limit: String(PAGE), offset: String(found.length) })}`);
      const items = (page[member] ?? []) as Record<string, unknown>[];
      found.push(...items);
      if (items.length === 0 || found.length >= Number(page.total_entries)) return found;
    }
  }

  #ours(query: Record<string, string>): URLSearchParams {
    return new URLSearchParams({ bundle_name: this.#bundle, ...query });
  }

  async #get(path: string): Promise<Record<string, unknown>> {
    const { status, body } = await this.#api.call("GET", path);
    if (status === 200) return body as Record<string, unknown>;
    throw airflowRefusal(status, path.split("?")[0] ?? path, "");
  }
}
