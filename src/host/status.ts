import { describeError, TransientError, UserError } from "../errors.ts";
import { type ReleaseId, shortId } from "../ids.ts";
import type { PausedDag, UnfinishedRun } from "./airflow.ts";
import type { Host } from "./host.ts";
import { installedManifest } from "./install.ts";
import { leavingDags, leavingFile, servedLeaving } from "./leaving.ts";
import { pausedNames } from "./pauses.ts";
import { statOf } from "./release-files.ts";
import { isReloading } from "./reload-lock.ts";
import { type Active, readStanding } from "./standing.ts";
import { explainHostError } from "./system-errors.ts";

/** What the host says of itself. */
export interface Status {
  readonly release: ReleaseId | null;
  readonly previous: ReleaseId | null;
  readonly commit: string | null;
  readonly activated_at: string | null;
  /** How many DAGs of that release Airflow serves. */
  readonly dags: number;
  /** How many runs have not ended, by DAG; null when Airflow does not tell. */
  readonly in_flight: Readonly<Record<string, number>> | null;
  /** The DAGs that a deploy removed and that finish their runs. */
  readonly leaving: readonly string[];
  /** The DAGs that Airflow has paused; null when it does not tell, or when they are too many to name. */
  readonly paused: readonly string[] | null;
  /** Likewise, of those that no release has any more: one that comes back stays paused. */
  readonly paused_removed: readonly string[] | null;
  readonly healthy: boolean;
  /** In words, what is not as it should be. */
  readonly problems: readonly string[];
}

/** Reads which release is active and asks Airflow what it serves. An Airflow that does not answer is told, not thrown. */
export async function status({ home, airflow, now }: Pick<Host, "home" | "airflow" | "now">): Promise<Status> {
  const problems: string[] = [];
  const active = await readTelling(home, problems);
  let dags = 0;
  let inFlight: Record<string, number> | null = null;
  let leaving: string[] = [];
  let paused: readonly PausedDag[] | undefined;
  try {
    problems.push(...(await airflow.unhealthy()));
    if (active !== undefined) {
      const served = await airflow.countServed(active.release);
      dags = served.ofRelease;
      const runs = await airflow.unfinishedRuns();
      inFlight = bounded(countByDag(runs));
      leaving = servedLeaving(home);
      problems.push(...standingStill(home, active.release, runs, leaving));
      if (leaving.length > 0) problems.push(...notServed(home, leaving, await airflow.servedBeside(), now()));
      paused = await airflow.paused();
      if (served.all > dags) problems.push(`${served.all - dags} DAGs are of another release`);
    }
  } catch (error) {
    if (!(error instanceof UserError || error instanceof TransientError)) throw error;
    problems.push(describeError(error));
  }
  return {
    release: active?.release ?? null,
    previous: active?.previous ?? null,
    commit: active?.commit ?? null,
    activated_at: active?.activated_at ?? null,
    dags,
    in_flight: inFlight,
    leaving,
    paused: paused === undefined ? null : pausedNames(paused, true),
    paused_removed: paused === undefined ? null : pausedNames(paused, false),
    healthy: problems.length === 0,
    problems,
  };
}

/** The active release. What is wrong with the note of it is told: status is what a person asks when something is wrong. */
async function readTelling(home: string, problems: string[]): Promise<Active | undefined> {
  try {
    const standing = readStanding(home);
    if (standing.kind === "empty") return undefined;
    if (standing.kind === "switching" && !(await isReloading(home))) {
      problems.push(`release ${shortId(standing.active.release)} is active and not proven: the next reload goes on from here`);
    }
    return standing.active;
  } catch (error) {
    problems.push(describeError(explainHostError(error, home)));
    return undefined;
  }
}

function countByDag(runs: readonly UnfinishedRun[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { dag } of runs) counts[dag] = (counts[dag] ?? 0) + 1;
  return counts;
}

/** The scheduler leaves runs alone whose DAG nobody serves. */
function standingStill(home: string, release: ReleaseId, runs: readonly UnfinishedRun[], leaving: readonly string[]): string[] {
  const manifest = installedManifest(home, release);
  if (manifest === undefined) return [`release ${shortId(release)} is not whole on this host: the next reload mends it`];
  const dags = [...leavingDags(runs, manifest).keys()].filter((dag) => !leaving.includes(dag));
  return dags.map((dag) => `runs of ${dag}, which was removed, stand still: the next reload has them go on`);
}

/** A new one is read within seconds. */
function notServed(home: string, leaving: readonly string[], served: readonly string[], now: Date): string[] {
  const late = leaving.filter((dag) => !served.includes(dag) && now.getTime() - writtenAt(home, dag) > READ_WITHIN_MS);
  return late.map((dag) => `runs of ${dag}, which was removed, stand still: Airflow does not serve it from ${leavingFile(home, dag)}`);
}

const READ_WITHIN_MS = 60_000;

function writtenAt(home: string, dag: string): number {
  return statOf(leavingFile(home, dag))?.mtimeMs ?? 0;
}

/** SSM cuts an answer at 24,000 characters: what could be cut is left out whole. */
const MOST_CHARACTERS = 12_000;

function bounded(counts: Record<string, number>): Record<string, number> | null {
  return JSON.stringify(counts).length > MOST_CHARACTERS ? null : counts;
}
