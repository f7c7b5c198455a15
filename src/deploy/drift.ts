import { type ReleaseId, shortId } from "../ids.ts";
import type { ObjectStore } from "./object-store.ts";
import { readManifest, readPointer } from "./read-bucket.ts";
import type { HostStatus } from "./reload.ts";
import { damagedBlobs } from "./rollback.ts";

export interface Drift {
  readonly where: "bucket" | "host" | "checkout";
  readonly message: string;
}

/** In words, where bucket, host and checkout differ: empty when all three agree. `host` and `rendered` are left out when undefined. */
export async function findDrift(store: ObjectStore, host: HostStatus | undefined, rendered: ReleaseId | undefined): Promise<Drift[]> {
  const current = await readPointer(store);
  if (current === undefined) return [{ where: "bucket", message: `nothing is deployed in ${store.address}` }];
  const { release } = current.pointer;
  const damaged = await damagedBlobs(store, await readManifest(store, release));
  const drift: Drift[] = damaged.map((message) => ({ where: "bucket", message: `release ${shortId(release)}: ${message}` }));
  if (host !== undefined) {
    if (host.release !== release) {
      const runs = host.release === null ? "no release" : `release ${shortId(host.release)}`;
      drift.push({ where: "host", message: `the host runs ${runs}, the pointer names ${shortId(release)}` });
    }
    if (!host.healthy) drift.push({ where: "host", message: "Airflow on the host is not healthy" });
  }
  if (rendered !== undefined && rendered !== release) {
    drift.push({ where: "checkout", message: `this checkout renders release ${shortId(rendered)}, the pointer names ${shortId(release)}` });
  }
  return drift;
}
