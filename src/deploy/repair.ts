import type { Log } from "../log.ts";
import type { Release } from "../release/build-release.ts";
import { blobKey, releaseKey } from "../release/layout.ts";
import { forEachLimited } from "./for-each-limited.ts";
import type { ObjectStore } from "./object-store.ts";
import { lookForRelease } from "./read-bucket.ts";
import { damagedFiles } from "./verify-release.ts";

/**
 * Writes anew what of a release is missing from the bucket or damaged there, its manifest last; the pointer stays. A sync alone does
 * not look at what it takes to be there already. Returns how many objects were written.
 */
export async function repair(release: Release, store: ObjectStore, log: Log): Promise<number> {
  const damaged = await damagedFiles(store, release.manifest);
  await forEachLimited(16, damaged, async ({ file, message }) => {
    const body = release.files.get(file.path);
    if (body === undefined) throw new Error(`the release's manifest names ${file.path}, which is not in it`);
    log.info(`repairing: ${message}`);
    await store.put(blobKey(file.sha256), body);
  });
  const found = await lookForRelease(store, release.id);
  if (!("problem" in found)) return damaged.length;
  await store.put(releaseKey(release.id), release.manifestBytes, { contentType: "application/json" });
  return damaged.length + 1;
}
