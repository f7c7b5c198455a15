import { TransientError } from "../errors.ts";
import { type ReleaseId, type Sha256, shortId } from "../ids.ts";
import type { Log } from "../log.ts";
import type { Release } from "../release/build-release.ts";
import { blobKey, releaseKey } from "../release/layout.ts";
import { forEachLimited } from "./for-each-limited.ts";
import { movePointer } from "./move-pointer.ts";
import type { ObjectStore } from "./object-store.ts";
import { lookForRelease, readPointer } from "./read-bucket.ts";

export interface SyncResult {
  readonly release: ReleaseId;
  /** What the pointer named before; null the first time. */
  readonly previous: ReleaseId | null;
  readonly changed: boolean;
  /** Files that were sent, and their bytes. */
  readonly uploaded: number;
  readonly bytes: number;
  readonly seconds: number;
}

export interface SyncOptions {
  readonly commit: string | null;
  readonly now: Date;
  readonly log: Log;
  /** What the pointer must name still: a plan was made from it. Default: whatever it names. */
  readonly expected?: ReleaseId | null;
}

/** How many uploads are under way at once. */
const CONCURRENCY = 16;

/**
 * Puts a release into the bucket and moves the pointer to it, last and conditionally: whoever stops half-way has changed nothing,
 * and of two at once one wins whole. Unchanged: one request. Changed: at most four, and one for each file that the deployed
 * release lacks. Throws TransientError when another deploy won, UserError when `current.json` is none of ours.
 */
export async function sync(release: Release, store: ObjectStore, { commit, now, log, expected }: SyncOptions): Promise<SyncResult> {
  const started = performance.now();
  const current = await readPointer(store);
  const previous = current?.pointer.release ?? null;
  if (expected !== undefined && expected !== previous) {
    throw new TransientError(`release ${shortId(release.id)} was not deployed: the pointer has moved since its plan was made`, {
      hint: "Nothing was changed. Look at what the other deploy did, then try again.",
    });
  }
  const result = { release: release.id, previous, changed: false, uploaded: 0, bytes: 0 };
  if (previous === release.id) return { ...result, seconds: secondsSince(started) };

  const missing = missingBlobs(release, await deployedDigests(store, previous, log));
  const bytes = await upload(missing, store, log);
  await store.put(releaseKey(release.id), release.manifestBytes, {
    ifNoneMatch: "*",
    contentType: "application/json",
    metadata: commit === null ? {} : { commit },
  });
  const pointer = { release: release.id, previous, commit, deployed_at: now.toISOString() };
  const faster = await movePointer(store, pointer, current?.etag);
  if (faster !== undefined) {
    throw new TransientError(`release ${shortId(release.id)} was not deployed: ${faster}`, {
      hint: "Nothing of it is active. Look at what the other deploy did, then sync again.",
    });
  }
  return { ...result, changed: true, uploaded: missing.size, bytes, seconds: secondsSince(started) };
}

/** What need not be sent, since the deployed release has it. Nothing, when that release's manifest can't be read: sending again does no harm. */
async function deployedDigests(store: ObjectStore, deployed: ReleaseId | null, log: Log): Promise<ReadonlySet<Sha256>> {
  if (deployed === null) return new Set();
  const found = await lookForRelease(store, deployed);
  if (!("problem" in found)) return new Set(found.manifest.files.map((file) => file.sha256));
  log.warn(`${found.problem}: sending every file`);
  return new Set();
}

/** The release's distinct contents that are not among those that are there. */
function missingBlobs(release: Release, there: ReadonlySet<Sha256>): Map<Sha256, Uint8Array> {
  const missing = new Map<Sha256, Uint8Array>();
  for (const { path, sha256 } of release.manifest.files) {
    const body = release.files.get(path);
    if (body === undefined) throw new Error(`the release's manifest names ${path}, which is not in it`);
    if (!there.has(sha256)) missing.set(sha256, body);
  }
  return missing;
}

/** Returns how many bytes there were. */
async function upload(blobs: ReadonlyMap<Sha256, Uint8Array>, store: ObjectStore, log: Log): Promise<number> {
  let bytes = 0;
  let done = 0;
  await forEachLimited(CONCURRENCY, [...blobs], async ([digest, body]) => {
    // "conflict" means that it is there already: its name says what is in it.
    await store.put(blobKey(digest), body, { ifNoneMatch: "*" });
    bytes += body.byteLength;
    done += 1;
    if (done % 200 === 0) log.info(`uploaded ${done} of ${blobs.size} files`);
  });
  return bytes;
}

function secondsSince(start: number): number {
  return Math.round(performance.now() - start) / 1000;
}
