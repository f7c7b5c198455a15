import { TransientError } from "../errors.ts";
import { type ReleaseId, type Sha256, shortId } from "../ids.ts";
import type { Log } from "../log.ts";
import type { Release } from "../release/build-release.ts";
import { blobKey, pointerKey, printPointer, releaseKey } from "../release/layout.ts";
import { forEachLimited } from "./for-each-limited.ts";
import type { ObjectStore } from "./object-store.ts";
import { readManifest, readPointer } from "./read-bucket.ts";

export interface SyncResult {
  readonly release: ReleaseId;
  /** What the pointer named before; null the first time. */
  readonly previous: ReleaseId | null;
  readonly changed: boolean;
  /** Files that were sent, and their bytes. */
  readonly uploaded: number;
  readonly bytes: number;
}

export interface SyncOptions {
  readonly commit: string | null;
  readonly now: Date;
  readonly log: Log;
}

/** How many uploads are under way at once. */
const CONCURRENCY = 16;

/**
 * Puts a release into the bucket and moves the pointer to it, last and conditionally: whoever stops half-way has changed nothing,
 * and of two at once one wins whole. Unchanged: one request. Changed: at most four, and one for each file that the deployed
 * release lacks. Throws TransientError when another deploy won.
 */
export async function sync(release: Release, store: ObjectStore, { commit, now, log }: SyncOptions): Promise<SyncResult> {
  const current = await readPointer(store);
  const previous = current?.pointer.release ?? null;
  if (previous === release.id) return { release: release.id, previous, changed: false, uploaded: 0, bytes: 0 };

  const there = new Set(previous === null ? [] : (await readManifest(store, previous)).files.map((file) => file.sha256));
  const blobs = missingBlobs(release, there);
  let bytes = 0;
  let done = 0;
  await forEachLimited(CONCURRENCY, blobs, async ([digest, body]) => {
    // "conflict" means that it is there already: its name says what is in it.
    await store.put(blobKey(digest), body, { ifNoneMatch: "*" });
    bytes += body.byteLength;
    done += 1;
    if (done % 200 === 0) log.info(`uploaded ${done} of ${blobs.length} files`);
  });
  await store.put(releaseKey(release.id), release.manifestBytes, {
    ifNoneMatch: "*",
    contentType: "application/json",
    metadata: commit === null ? {} : { commit },
  });
  const pointer = printPointer({ release: release.id, previous, commit, deployed_at: now.toISOString() });
  const moved = await store.put(pointerKey, pointer, {
    contentType: "application/json",
    ...(current === undefined ? { ifNoneMatch: "*" as const } : { ifMatch: current.etag }),
  });
  if (moved === "conflict") throw await lostRace(store, release.id);
  return { release: release.id, previous, changed: true, uploaded: blobs.length, bytes };
}

/** The release's distinct contents that the deployed release does not have. */
function missingBlobs(release: Release, there: ReadonlySet<Sha256>): [Sha256, Uint8Array][] {
  const missing = new Map<Sha256, Uint8Array>();
  for (const { path, sha256 } of release.manifest.files) {
    const body = release.files.get(path);
    if (body === undefined) throw new Error(`the release's manifest names ${path}, which is not in it`);
    if (!there.has(sha256)) missing.set(sha256, body);
  }
  return [...missing];
}

async function lostRace(store: ObjectStore, mine: ReleaseId): Promise<TransientError> {
  const winner = (await readPointer(store))?.pointer.release;
  const who =
    winner === undefined ? "the pointer was removed meanwhile" : `another deploy moved the pointer to release ${shortId(winner)} meanwhile`;
  return new TransientError(`release ${shortId(mine)} was not deployed: ${who}`, {
    hint: "Nothing of it is active. Look at what the other deploy did, then sync again.",
  });
}
