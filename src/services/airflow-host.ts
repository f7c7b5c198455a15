import { TransientError } from "../errors.ts";
import type { Airflow, ImportError, PausedDag, ServedDag } from "../host/airflow.ts";
import { type DagId, parseDagId, type ReleaseId } from "../ids.ts";
import type { AirflowApi } from "./airflow-api.ts";

/** Airflow's API gives at most so many of anything in one answer (`[api] maximum_page_limit`). */
const PAGE = 100;
const MOST_RUNS = 1000;
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

  async runsInFlight(): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (let offset = 0; offset < MOST_RUNS; offset += PAGE) {
      const query = new URLSearchParams([...UNFINISHED, ["limit", String(PAGE)], ["offset", String(offset)], ["order_by", "id"]]);
      const page = await this.#get(`/dags/~/dagRuns?${query}`);
      const runs = (page.dag_runs ?? []) as { dag_id?: unknown }[];
      for (const { dag_id } of runs) counts[String(dag_id)] = (counts[String(dag_id)] ?? 0) + 1;
      if (runs.length < PAGE) break;
    }
    return counts;
  }

  async paused(): Promise<PausedDag[]> {
    const dags = await this.#pages("/dags", "dags", { paused: "true", exclude_stale: "false" });
    return dags.map(({ dag_id, is_stale }) => ({ dag: parseDagId(String(dag_id)), served: is_stale !== true }));
  }

  async setPaused(dag: DagId, paused: boolean): Promise<void> {
    const { status } = await this.#api.call("PATCH", `/dags/${dag}?update_mask=is_paused`, { is_paused: paused });
    if (status === 200) return;
    throw new TransientError(`Airflow's API refused to ${paused ? "pause" : "unpause"} ${dag} with status ${status}`, {
      hint: "Look at the log of airflow-api-server.",
    });
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
    throw new TransientError(`Airflow's API answered ${path.split("?")[0]} with status ${status}`, {
      hint: "Look at the log of airflow-api-server.",
    });
  }
}
