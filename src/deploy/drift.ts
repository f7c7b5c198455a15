import { type ReleaseId, shortId } from "../ids.ts";
import type { ObjectStore } from "./object-store.ts";
import { lookForRelease, readPointer } from "./read-bucket.ts";
import type { HostStatus } from "./reload.ts";
import { damagedFiles } from "./verify-release.ts";

export interface Drift {
  readonly where: "bucket" | "host" | "checkout";
  readonly message: string;
}

/**
 * In words, where bucket, host and checkout differ: empty when all three agree. `host` and `rendered` are left out when undefined.
 * Throws UserError when `current.json` is none of ours.
 */
export async function findDrift(store: ObjectStore, host: HostStatus | undefined, rendered: ReleaseId | undefined): Promise<Drift[]> {
  const deployed = (await readPointer(store))?.pointer.release ?? null;
  const drift: Drift[] = (await bucketProblems(store, deployed)).map((message) => ({ where: "bucket", message }));
  if (host !== undefined && host.release !== deployed) {
    drift.push({ where: "host", message: `the host runs ${name(host.release)}, the pointer names ${name(deployed)}` });
  }
  if (host !== undefined && !host.healthy) {
    const problems = host.problems.length > 0 ? host.problems : ["Airflow on the host is not healthy"];
    drift.push(...problems.map((message) => ({ where: "host" as const, message })));
  }
  if (rendered !== undefined && rendered !== deployed) {
    drift.push({ where: "checkout", message: `this checkout renders ${name(rendered)}, the pointer names ${name(deployed)}` });
  }
  return drift;
}

async function bucketProblems(store: ObjectStore, deployed: ReleaseId | null): Promise<string[]> {
  if (deployed === null) return [`nothing is deployed in ${store.address}`];
  const found = await lookForRelease(store, deployed);
  if ("problem" in found) return [found.problem];
  return (await damagedFiles(store, found.manifest)).map(({ message }) => `release ${shortId(deployed)}: ${message}`);
}

function name(release: ReleaseId | null): string {
  return release === null ? "no release" : `release ${shortId(release)}`;
}
