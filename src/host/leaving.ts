import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isDagId, isReleaseId, type ReleaseId, shortId } from "../ids.ts";
import type { Manifest } from "../release/manifest.ts";
import type { UnfinishedRun } from "./airflow.ts";
import { releaseDir } from "./folder.ts";
import type { Host } from "./host.ts";
import { restoreRelease } from "./install.ts";
import { renderTablesDag, tablesDag, tablesToKeep } from "./kept-tables.ts";
import { holds, writeWhole } from "./release-files.ts";

/**
 * Airflow's scheduler goes on with the runs of DAGs that are served, and with no other (`DagRun.get_running_dag_runs_to_examine`).
 * So a DAG that the active release lacks is served beside it, from the folder `leaving`, while runs of it have not ended: it starts none, and
 * its runs finish on the release that they belong to.
 *
 * Makes the folder hold exactly what the runs need, and returns these DAGs. Never throws: the next reload tries again. Undefined when
 * Airflow does not tell its runs.
 */
export async function serveLeaving(host: Host, id: ReleaseId, manifest: Manifest): Promise<string[] | undefined> {
  try {
    const runs = await host.airflow.unfinishedRuns();
    const dags = leavingDags(runs, manifest);
    const files = new Map<string, string | undefined>();
    for (const [dag, release] of dags) files.set(dag, await pythonOf(host, dag, release));
    const tables = tablesToKeep(host.home, runs, { id, manifest }, dags);
    if (tables.length > 0) files.set(tablesDag, renderTablesDag(tables));
    bringFolderTo(host, files);
    return servedLeaving(host.home);
  } catch (error) {
    host.log.warn(`DAGs that were removed while they ran are not looked after: ${messageOf(error)}`);
    return undefined;
  }
}

/** The DAGs that have runs which have not ended and that the release lacks, each with the release of its newest run. */
export function leavingDags(runs: readonly UnfinishedRun[], manifest: Manifest): Map<string, ReleaseId> {
  const found = new Map<string, ReleaseId>();
  for (const { dag, release } of runs) {
    // What else runs in this Airflow has versions of another kind, or none.
    if (isDagId(dag) && release !== null && isReleaseId(release) && !Object.hasOwn(manifest.dags, dag)) found.set(dag, release);
  }
  return found;
}

/** The DAGs that are served beside the active release. */
export function servedLeaving(home: string): string[] {
  const dags = namesIn(home).map((name) => name.replace(/\.py$/, ""));
  return dags.filter((dag) => dag !== tablesDag).sort();
}

export function leavingFile(home: string, dag: string): string {
  return join(leavingDir(home), `${dag}.py`);
}

/** Undefined when its release can't be had: what is there of it then stays. */
async function pythonOf(host: Host, dag: string, release: ReleaseId): Promise<string | undefined> {
  try {
    await restoreRelease(host, release);
    return readFileSync(join(releaseDir(host.home, release), "dags", `${dag}.py`), "utf8");
  } catch (error) {
    host.log.warn(`the runs of ${dag} can't go on, since release ${shortId(release)} can't be had: ${messageOf(error)}`);
    return undefined;
  }
}

/** `files`: DAG id to Python; undefined leaves the DAG's file as it is. */
function bringFolderTo({ home, log }: Host, files: ReadonlyMap<string, string | undefined>): void {
  for (const name of namesIn(home)) {
    const dag = name.replace(/\.py$/, "");
    if (name.endsWith(".py") && files.has(dag)) continue;
    if (dag !== tablesDag) log.info(`${dag} is no longer served beside the release: its runs have ended, or the release has it again`);
    rmSync(join(leavingDir(home), name), { recursive: true, force: true });
  }
  for (const [dag, python] of files) {
    const file = leavingFile(home, dag);
    const bytes = Buffer.from(`${python}${LEAVE}`);
    if (python === undefined || holds(file, bytes)) continue;
    if (dag !== tablesDag) log.info(`${dag} is not in the release: it is served beside it until its runs have ended`);
    rmSync(file, { recursive: true, force: true });
    writeWhole(file, bytes);
  }
}

/** Ends each of these files: airflow/dagline_airflow/leaving.py. */
const LEAVE = "\nfrom dagline_airflow.leaving import leave\n\nleave(dag)\n";

function namesIn(home: string): string[] {
  mkdirSync(leavingDir(home), { recursive: true });
  return readdirSync(leavingDir(home)).filter((name) => name !== "__pycache__");
}

function leavingDir(home: string): string {
  return join(home, "leaving");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
