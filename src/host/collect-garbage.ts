import { readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseReleaseId, type ReleaseId, shortId } from "../ids.ts";
import { releaseDir, releasesDir } from "./folder.ts";
import type { Host } from "./host.ts";
import { readActive } from "./standing.ts";

const KEEP = 10;

/**
 * Removes installed releases that are neither active nor the one before, nor among the last ten that were installed, nor in use by a run that
 * has not ended. A release that is needed again later is fetched again: the bucket keeps them all. A failure is told and does no harm.
 */
export async function collectGarbage({ home, airflow, log }: Pick<Host, "home" | "airflow" | "log">): Promise<void> {
  try {
    const active = readActive(home);
    const kept = new Set<string | null | undefined>([active?.release, active?.previous]);
    const others = installedByAge(home).filter((id) => !kept.has(id));
    for (const id of others.slice(KEEP)) {
      if (await airflow.isInUse(id)) continue;
      // Renamed first: a task that asks for it meanwhile sees it whole or not at all.
      const removed = join(releasesDir(home), `.${id}.partial`);
      renameSync(releaseDir(home, id), removed);
      rmSync(removed, { recursive: true, force: true });
      log.info(`removed the old release ${shortId(id)} from this host`);
    }
  } catch (error) {
    log.warn(`old releases could not be removed: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Newest first. */
function installedByAge(home: string): ReleaseId[] {
  return readdirSync(releasesDir(home))
    .filter((name) => /^[0-9a-f]{64}$/.test(name))
    .map((name) => ({ id: parseReleaseId(name), installed: statSync(join(releasesDir(home), name)).mtimeMs }))
    .sort((a, b) => b.installed - a.installed)
    .map(({ id }) => id);
}
