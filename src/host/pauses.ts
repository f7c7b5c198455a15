import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type DagId, parseDagId, type ReleaseId } from "../ids.ts";
import { type Manifest, parseManifest } from "../release/manifest.ts";
import type { PausedDag } from "./airflow.ts";
import { releaseDir } from "./folder.ts";
import type { Host } from "./host.ts";

/**
 * Pauses or unpauses the DAGs whose `paused` differs between the release that was proven last and the new one. Airflow itself looks at it only
 * when it first sees a DAG (`is_paused_upon_creation`), and whatever else a person paused stays as it is. Safe to run again.
 */
export async function applyPauses({ home, airflow, log }: Host, from: ReleaseId | undefined, to: ReleaseId): Promise<void> {
  const changes = pauseChanges(home, from, to);
  // First what stops runs: when Airflow breaks off in between, too little runs rather than too much.
  for (const { dag, paused } of [...changes].sort((a, b) => Number(b.paused) - Number(a.paused))) {
    log.info(`${paused ? "pausing" : "unpausing"} ${dag}: its YAML now says so`);
    await airflow.setPaused(dag, paused);
  }
}

/** The DAGs that Airflow has paused, by name, as the agent tells them; null when they are too many for an answer (SSM cuts one at 24,000 characters). */
export function pausedNames(dags: readonly PausedDag[], served: boolean): DagId[] | null {
  const names = dags.filter((one) => one.served === served).map(({ dag }) => dag);
  return names.join().length > MOST_CHARACTERS ? null : names.sort();
}

const MOST_CHARACTERS = 3000;

function pauseChanges(home: string, from: ReleaseId | undefined, to: ReleaseId): { dag: DagId; paused: boolean }[] {
  const [before, after] = [from === undefined ? undefined : manifestOf(home, from), manifestOf(home, to)];
  if (after === undefined) return [];
  const dags = Object.keys(after.dags).filter((dag) => digestOf(before, dag) !== digestOf(after, dag));
  return dags.flatMap((dag) => {
    const [was, paused] = [before === undefined ? false : pausedIn(home, from, dag), pausedIn(home, to, dag)];
    return was === paused ? [] : [{ dag: parseDagId(dag), paused }];
  });
}

function manifestOf(home: string, release: ReleaseId): Manifest | undefined {
  const file = join(releaseDir(home, release), "manifest.json");
  return existsSync(file) ? parseManifest(readFileSync(file)) : undefined;
}

function digestOf(manifest: Manifest | undefined, dag: string): string | undefined {
  return manifest?.files.find(({ path }) => path === `definitions/${dag}.json`)?.sha256;
}

/** A DAG that the release lacks, or of which it has no definition, is not paused by it. */
function pausedIn(home: string, release: ReleaseId | undefined, dag: string): boolean {
  const file = release === undefined ? undefined : join(releaseDir(home, release), "definitions", `${dag}.json`);
  if (file === undefined || !existsSync(file)) return false;
  return (JSON.parse(readFileSync(file, "utf8")) as { paused?: unknown }).paused === true;
}
