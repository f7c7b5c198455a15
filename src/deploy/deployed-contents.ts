import { type Sha256, sha256, shortId } from "../ids.ts";
import type { Log } from "../log.ts";
import { isPlanFile, type ReleaseContents } from "../plan/contents.ts";
import { blobKey } from "../release/layout.ts";
import { forEachLimited } from "./for-each-limited.ts";
import type { ObjectStore } from "./object-store.ts";
import { readPointer, readRelease } from "./read-bucket.ts";

/** How many downloads are under way at once. */
const CONCURRENCY = 16;

/**
 * The deployed release, for a plan that leads to `next`: only the files that `next` has otherwise are fetched, each verified.
 * null when nothing was ever deployed. A file that is missing or was altered is warned of and left out: the plan then says what it does not
 * know. Throws UserError when the pointer or the manifest cannot be read.
 */
export async function deployedContents(store: ObjectStore, next: ReleaseContents, log: Log): Promise<ReleaseContents | null> {
  const pointer = (await readPointer(store))?.pointer;
  if (pointer === undefined) return null;
  const { manifest, commit } = await readRelease(store, pointer.release);
  const there = new Map(next.manifest.files.map((file) => [file.sha256, file.path]));
  const files = manifest.files.filter(isPlanFile);
  const wanted = new Set(files.map((file) => file.sha256).filter((digest) => !there.has(digest)));
  const fetched = new Map<Sha256, string>();
  await forEachLimited(CONCURRENCY, [...wanted], async (digest) => {
    const object = await store.get(blobKey(digest));
    if (object !== undefined && sha256(object.body) === digest) fetched.set(digest, new TextDecoder().decode(object.body));
  });
  if (fetched.size < wanted.size) {
    log.warn(`${wanted.size - fetched.size} files of release ${shortId(pointer.release)} are missing or damaged in ${store.address}`);
  }
  const digests = new Map(files.map((file) => [file.path, file.sha256]));
  const text = (path: string): string | undefined => {
    const digest = digests.get(path);
    if (digest === undefined) return undefined;
    const same = there.get(digest);
    return same === undefined ? fetched.get(digest) : next.text(same);
  };
  return { id: pointer.release, commit: pointer.commit ?? commit, manifest, text };
}
