import { TransientError, UserError } from "../errors.ts";
import { type ReleaseId, shortId } from "../ids.ts";
import { blobKey, pointerKey, printPointer } from "../release/layout.ts";
import type { Manifest } from "../release/manifest.ts";
import { forEachLimited } from "./for-each-limited.ts";
import type { ObjectStore } from "./object-store.ts";
import { findRelease, readPointer, readRelease } from "./read-bucket.ts";

export interface RollbackResult {
  readonly release: ReleaseId;
  readonly previous: ReleaseId;
  readonly changed: boolean;
}

/**
 * Moves the pointer to the release before, or to the one whose id begins with `to`, once all of that release is known to be in the
 * bucket. Throws UserError when there is nothing to go back to or a part of it is missing, TransientError when a deploy interfered.
 */
export async function rollback(store: ObjectStore, options: { to?: string | undefined; now: Date }): Promise<RollbackResult> {
  const current = await readPointer(store);
  if (current === undefined) throw new UserError(`nothing is deployed in ${store.address}`, { hint: "Deploy first: `dagline sync`." });
  const { release: deployed, previous } = current.pointer;
  if (options.to === undefined && previous === null) {
    throw new UserError(`release ${shortId(deployed)} is the first: there is none before it`, { hint: "Name a release with --to." });
  }
  const target = options.to === undefined ? (previous ?? deployed) : await findRelease(store, options.to);
  if (target === deployed) return { release: target, previous: deployed, changed: false };
  const { manifest, commit } = await readRelease(store, target);
  const damaged = await damagedBlobs(store, manifest);
  if (damaged.length > 0) {
    throw new UserError(`release ${shortId(target)} is not whole in ${store.address}: ${damaged.slice(0, 5).join("; ")}`, {
      hint: "Check out its commit and run `dagline sync`: it uploads what is missing.",
    });
  }
  const pointer = printPointer({ release: target, previous: deployed, commit, deployed_at: options.now.toISOString() });
  const moved = await store.put(pointerKey, pointer, { ifMatch: current.etag, contentType: "application/json" });
  if (moved === "conflict")
    throw new TransientError("a deploy moved the pointer meanwhile: nothing was rolled back", {
      hint: "Look at what it did, then try again.",
    });
  return { release: target, previous: deployed, changed: true };
}

/** In words, which of a manifest's files are missing from the bucket or have another length there. One HEAD a file. */
export async function damagedBlobs(store: ObjectStore, manifest: Manifest): Promise<string[]> {
  const damaged: string[] = [];
  await forEachLimited(16, manifest.files, async ({ path, sha256, size }) => {
    const head = await store.head(blobKey(sha256));
    if (head === undefined) damaged.push(`${path} is missing`);
    else if (head.size !== size) damaged.push(`${path} has ${head.size} bytes instead of ${size}`);
  });
  return damaged.sort();
}
