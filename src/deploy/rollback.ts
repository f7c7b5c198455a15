import { TransientError, UserError } from "../errors.ts";
import { type ReleaseId, shortId } from "../ids.ts";
import { movePointer } from "./move-pointer.ts";
import type { ObjectStore } from "./object-store.ts";
import { findRelease, readPointer, readRelease } from "./read-bucket.ts";
import { damagedFiles } from "./verify-release.ts";

export interface RollbackResult {
  readonly release: ReleaseId;
  /** What was deployed until now. */
  readonly previous: ReleaseId;
  /** The commit that the release was rendered from; null when it is not known. */
  readonly commit: string | null;
  readonly changed: boolean;
}

/**
 * Moves the pointer to the release before, or to the one whose id begins with `to`, once all of that release is known to be in the
 * bucket, whole. The new pointer names no release before it: a rollback that is run again, by a retry or by a second person, must not
 * bring back what was just left. Throws UserError when there is nothing to go back to or a part of it is missing, TransientError when
 * a deploy interfered.
 */
export async function rollback(store: ObjectStore, options: { to?: string | undefined; now: Date }): Promise<RollbackResult> {
  const current = await readPointer(store);
  if (current === undefined) throw new UserError(`nothing is deployed in ${store.address}`, { hint: "Deploy first: `dagline sync`." });
  const { release: deployed, previous } = current.pointer;
  const target = options.to === undefined ? previous : await findRelease(store, options.to);
  if (target === null) {
    throw new UserError(`release ${shortId(deployed)} is the first, or was itself rolled back to: none is known before it`, {
      hint: "Name the release to go to with --to.",
    });
  }
  if (target === deployed) return { release: target, previous: deployed, commit: current.pointer.commit, changed: false };
  const { manifest, commit } = await readRelease(store, target);
  const damaged = await damagedFiles(store, manifest);
  if (damaged.length > 0) {
    const some = damaged.slice(0, 5).map(({ message }) => message);
    throw new UserError(`release ${shortId(target)} is not whole in ${store.address}: ${some.join("; ")}`, {
      hint: "Check out its commit and run `dagline sync --repair`, or name another release with --to.",
    });
  }
  const pointer = { release: target, previous: null, commit, deployed_at: options.now.toISOString() };
  const faster = await movePointer(store, pointer, current.etag);
  if (faster !== undefined) {
    throw new TransientError(`nothing was rolled back: ${faster}`, { hint: "Look at what it did, then try again." });
  }
  return { release: target, previous: deployed, commit, changed: true };
}
