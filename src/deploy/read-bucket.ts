import { UserError } from "../errors.ts";
import { parseReleaseId, type ReleaseId, shortId } from "../ids.ts";
import { type Pointer, parsePointer, pointerKey, releaseKey } from "../release/layout.ts";
import { type Manifest, parseManifest, releaseIdOf } from "../release/manifest.ts";
import type { ObjectStore } from "./object-store.ts";

/** What `current.json` says, with the ETag that moving it takes; undefined when nothing was ever deployed. */
export async function readPointer(store: ObjectStore): Promise<{ pointer: Pointer; etag: string } | undefined> {
  const object = await store.get(pointerKey);
  return object === undefined ? undefined : { pointer: parsePointer(object.body), etag: object.etag };
}

/** A release's manifest, verified against its id. Throws UserError when it is missing or was altered. */
export async function readManifest(store: ObjectStore, id: ReleaseId): Promise<Manifest> {
  return (await readRelease(store, id)).manifest;
}

/** A release's manifest, and the commit that first rendered it; verified as `readManifest` does. */
export async function readRelease(store: ObjectStore, id: ReleaseId): Promise<{ manifest: Manifest; commit: string | null }> {
  const object = await store.get(releaseKey(id));
  if (object === undefined) {
    throw new UserError(`release ${shortId(id)} is not in ${store.address}`, {
      hint: "`dagline sync` puts what this checkout renders there.",
    });
  }
  if (releaseIdOf(object.body) !== id) {
    throw new UserError(`${store.address}${releaseKey(id)} was altered: its digest is not its name`, {
      hint: "Restore the object's earlier version, or roll back to another release.",
    });
  }
  return { manifest: parseManifest(object.body), commit: object.metadata.commit ?? null };
}

/** The one release in the bucket whose id begins with `prefix` (at least six digits). Throws UserError when none or several do. */
export async function findRelease(store: ObjectStore, prefix: string): Promise<ReleaseId> {
  if (!/^[0-9a-f]{6,64}$/.test(prefix)) {
    throw new UserError(`not a release id: ${JSON.stringify(prefix)}`, { hint: "Give at least the first six of its hexadecimal digits." });
  }
  const found: ReleaseId[] = [];
  for await (const { key } of store.list(`releases/${prefix}`)) found.push(parseReleaseId(key.slice("releases/".length, -".json".length)));
  const [only] = found;
  if (only === undefined) throw new UserError(`no release in ${store.address} begins with ${prefix}`);
  if (found.length > 1)
    throw new UserError(`${found.length} releases begin with ${prefix}: ${found.map(shortId).join(", ")}`, { hint: "Give more digits." });
  return only;
}
