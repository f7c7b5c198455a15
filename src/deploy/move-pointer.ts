import { type ReleaseId, shortId } from "../ids.ts";
import { type Pointer, pointerKey, printPointer } from "../release/layout.ts";
import type { ObjectStore } from "./object-store.ts";
import { readPointer } from "./read-bucket.ts";

/**
 * Moves `current.json`, if it still is the version that was read (`etag`; undefined for none). Returns undefined when it now names
 * `pointer.release`, and otherwise, in words, who was faster. It may name it although the condition did not hold: another deploy of
 * the same release was faster, or our own write was answered by a broken connection and tried again.
 */
export async function movePointer(store: ObjectStore, pointer: Pointer, etag: string | undefined): Promise<string | undefined> {
  const moved = await store.put(pointerKey, printPointer(pointer), {
    contentType: "application/json",
    ...(etag === undefined ? { ifNoneMatch: "*" as const } : { ifMatch: etag }),
  });
  if (moved !== "conflict") return undefined;
  const winner = await readPointer(store);
  if (winner === undefined) return "the pointer was removed meanwhile";
  const { release, commit, deployed_at } = winner.pointer;
  if (release === pointer.release) return undefined;
  return `another deploy moved the pointer to release ${describe(release, commit)} at ${deployed_at}`;
}

function describe(release: ReleaseId, commit: string | null): string {
  return commit === null ? shortId(release) : `${shortId(release)} (commit ${commit.slice(0, 12)})`;
}
