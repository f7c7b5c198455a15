import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isReleaseId, type ReleaseId } from "../ids.ts";
import type { Manifest } from "../release/manifest.ts";
import { pythonLiteral } from "../release/python-literal.ts";
import { tableAsset } from "../release/render-time.ts";
import type { UnfinishedRun } from "./airflow.ts";
import { releaseDir } from "./folder.ts";

/** The DAG that keeps tables known to Airflow. */
export const tablesDag = "dagline_tables_of_earlier_releases";

/**
 * The tables that runs of earlier releases still load, and that no DAG names any more: not the release's, none of `leaving`.
 * Airflow drops an Asset that no DAG names, and then fails each task that has it as an outlet before it starts
 * (`SchedulerJobRunner._update_asset_orphanage`, `task_runner._validate_task_inlets_and_outlets`).
 */
export function tablesToKeep(
  home: string,
  runs: readonly UnfinishedRun[],
  active: { readonly id: ReleaseId; readonly manifest: Manifest },
  leaving: ReadonlyMap<string, ReleaseId>,
): string[] {
  const tables = new Set<string>();
  const specs = new Set(runs.flatMap(({ dag, release }) => (release === null || release === active.id ? [] : [`${release}/${dag}`])));
  for (const spec of specs) {
    const [release = "", dag = ""] = spec.split("/");
    for (const table of isReleaseId(release) ? tablesOf(home, release, dag) : []) tables.add(table);
  }
  if (tables.size === 0) return [];
  const named = [...Object.keys(active.manifest.dags).map((dag) => [dag, active.id] as const), ...leaving];
  for (const table of named.flatMap(([dag, release]) => tablesOf(home, release, dag))) tables.delete(table);
  return [...tables].sort();
}

/** A DAG that names the tables and never runs. */
export function renderTablesDag(tables: readonly string[]): string {
  return `from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset

with DAG(
    dag_id=${pythonLiteral(tablesDag)},
    schedule=None,
    is_paused_upon_creation=False,
) as dag:
    EmptyOperator(task_id="tables", outlets=[${tables.map(tableAsset).join(", ")}])
`;
}

/** Empty as well for a release that has no spec of the DAG, or is not on this host: nothing can be known of it. */
function tablesOf(home: string, release: ReleaseId, dag: string): string[] {
  try {
    const spec: unknown = JSON.parse(readFileSync(join(releaseDir(home, release), "specs", `${dag}.json`), "utf8"));
    const tasks = Object.values((spec as { tasks?: Record<string, { kind?: unknown; table?: unknown }> }).tasks ?? {});
    return tasks.flatMap(({ kind, table }) => (kind === "load" && typeof table === "string" ? [table] : []));
  } catch {
    return [];
  }
}
