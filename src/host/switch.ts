import { utimesSync } from "node:fs";
import { join } from "node:path";
import type { ReleaseId } from "../ids.ts";
import type { Manifest } from "../release/manifest.ts";
import { releaseDir } from "./folder.ts";
import type { Host } from "./host.ts";
import { prove } from "./prove.ts";

/**
 * Gives a release's DAG files the present as their time of change. The DAG processor reads a file again when it changed after it was last
 * read, and it remembers that by the file's name alone: without this it would take a release for read that has files of the same names.
 */
export function touchDags(home: string, id: ReleaseId, manifest: Manifest, now: Date): Date {
  for (const { file } of Object.values(manifest.dags)) utimesSync(join(releaseDir(home, id), file), now, now);
  return now;
}

/** Waits for the proof that Airflow serves the release, as `prove` does. A DAG takes the DAG processor about a tenth of a second, so the limit grows with their number. */
export async function proveServed({ home, airflow, now }: Host, release: ReleaseId, manifest: Manifest, since: Date): Promise<void> {
  await prove({
    airflow,
    release,
    manifest,
    releaseDir: releaseDir(home, release),
    since,
    timeoutSeconds: 60 + Object.keys(manifest.dags).length / 2,
    touch: () => touchDags(home, release, manifest, now()),
  });
}
