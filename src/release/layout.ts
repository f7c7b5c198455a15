import { UserError } from "../errors.ts";
import { parseReleaseId, type ReleaseId, type Sha256 } from "../ids.ts";
import { canonicalJson } from "./canonical-json.ts";

/** Where things stand in the bucket, after its prefix: docs/architecture.md, "The bucket". */

/** The key of the one mutable object. */
export const pointerKey = "current.json";

/** The key of a file's bytes. */
export function blobKey(digest: Sha256): string {
  return `blobs/sha256/${digest}`;
}

/** The key of a release's manifest. */
export function releaseKey(id: ReleaseId): string {
  return `releases/${id}.json`;
}

/** What `current.json` says: which release is deployed. */
export interface Pointer {
  readonly release: ReleaseId;
  /** The release before it, which a rollback goes to. */
  readonly previous: ReleaseId | null;
  /** The Git commit that was deployed; null when it had no name (changes that are not committed). */
  readonly commit: string | null;
  /** ISO 8601, UTC. */
  readonly deployed_at: string;
}

export function printPointer(pointer: Pointer): Uint8Array {
  const { release, previous, commit, deployed_at } = pointer;
  return canonicalJson({ release, previous, commit, deployed_at });
}

/** Reads a pointer that came from elsewhere. Throws a UserError that says what is wrong with it. */
export function parsePointer(bytes: Uint8Array): Pointer {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw invalid("it is not JSON", error);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid("it is not an object");
  const { release, previous, commit, deployed_at, ...others } = value as Record<string, unknown>;
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined) throw invalid(`it has an unknown key ${JSON.stringify(unknown)}`);
  if (typeof release !== "string") throw invalid("release is missing");
  if (previous !== null && typeof previous !== "string") throw invalid("previous is neither a release id nor null");
  if (commit !== null && (typeof commit !== "string" || !/^[0-9a-f]{40}$/.test(commit)))
    throw invalid("commit is neither 40 hexadecimal digits nor null");
  if (typeof deployed_at !== "string" || Number.isNaN(Date.parse(deployed_at))) throw invalid("deployed_at is not a time");
  return { release: parseReleaseId(release), previous: previous === null ? null : parseReleaseId(previous), commit, deployed_at };
}

function invalid(what: string, cause?: unknown): UserError {
  return new UserError(`${pointerKey} is not a pointer to a release: ${what}`, {
    hint: "It was altered by hand or by another program. Restore its earlier version (the bucket keeps them), or remove it and run `dagline sync`.",
    cause,
  });
}
