import { UserError } from "../errors.ts";
import { parseReleaseId, type ReleaseId, shortId } from "../ids.ts";
import { type Pointer, parsePointer, pointerKey, releaseKey } from "../release/layout.ts";
import { type Manifest, parseManifest, releaseIdOf } from "../release/manifest.ts";
import type { ObjectStore } from "./object-store.ts";

/** A release's manifest, verified against its id, and the commit that first rendered it. */
export interface StoredRelease {
  readonly manifest: Manifest;
  readonly commit: string | null;
}

/** What `current.json` says, with the ETag that moving it takes; undefined when nothing was ever deployed. */
export async function readPointer(store: ObjectStore): Promise<{ pointer: Pointer; etag: string } | undefined> {
  const object = await store.get(pointerKey);
  return object === undefined ? undefined : { pointer: parsePointer(object.body), etag: object.etag };
}

/** Throws UserError when the release is missing or was altered. */
export async function readRelease(store: ObjectStore, id: ReleaseId): Promise<StoredRelease> {
  const found = await lookForRelease(store, id);
  if (!("problem" in found)) return found;
  throw new UserError(found.problem, { hint: "Check out its commit and run `dagline sync --repair`, or roll back to another release." });
}

/** As `readRelease`, for those who go on when it is missing or was altered: `problem` says which. */
export async function lookForRelease(store: ObjectStore, id: ReleaseId): Promise<StoredRelease | { readonly problem: string }> {
  const object = await store.get(releaseKey(id));
  if (object === undefined) return { problem: `release ${shortId(id)} is not in ${store.address}` };
  if (releaseIdOf(object.body) !== id) return { problem: `${store.address}${releaseKey(id)} was altered: its digest is not its name` };
  return { manifest: parseManifest(object.body), commit: object.metadata.commit ?? null };
}

/** The one release in the bucket whose id begins with `prefix` (at least six digits). Throws UserError when none or several do. */
export async function findRelease(store: ObjectStore, prefix: string): Promise<ReleaseId> {
  if (!/^[0-9a-f]{6,64}$/.test(prefix)) {
    throw new UserError(`not a release id: ${JSON.stringify(prefix)}`, { hint: "Give at least the first six of its hexadecimal digits." });
  }
  const found: ReleaseId[] = [];
  for await (const { key } of store.list(`releases/${prefix}`)) {
    const id = /^releases\/([0-9a-f]{64})\.json$/.exec(key)?.[1];
    if (id !== undefined) found.push(parseReleaseId(id));
  }
  const [only] = found;
  if (only === undefined) throw new UserError(`no release in ${store.address} begins with ${prefix}`);
  if (found.length > 1)
    throw new UserError(`${found.length} releases begin with ${prefix}: ${found.map(shortId).join(", ")}`, { hint: "Give more digits." });
  return only;
}
