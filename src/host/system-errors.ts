import { explainDiskError } from "../disk-errors.ts";
import { TransientError, UserError } from "../errors.ts";

/**
 * An error of the host's file system as a person should see it; any other error comes back as it is.
 * Meant for what the agent itself reads and writes, all of it below `home`.
 */
export function explainHostError(error: unknown, home: string): unknown {
  if (error instanceof UserError || error instanceof TransientError) return error;
  const disk = explainDiskError(error, `Make room on the disk of ${home}, then reload.`);
  if (disk !== undefined) return disk;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const hint = refusals[code] ?? sqliteRefusals[sqliteCodeOf(error) ?? -1];
  return error instanceof Error && hint !== undefined ? new UserError(error.message, { hint, cause: error }) : error;
}

/** Whether the host's own file system failed, which says nothing about the release. */
export function isHostFault(error: unknown): boolean {
  return explainDiskError(error, "") !== undefined || explainHostError(error, "") !== error;
}

const OWNER =
  "The agent runs as the user that owns the host's folder: look at the owner and the mode of that path, and at `lsattr` for an immutable one.";
const IN_THE_WAY = "Something else stands in that path's place: move it away, then reload.";

/** https://nodejs.org/api/errors.html#common-system-errors */
const refusals: Readonly<Record<string, string>> = {
  EACCES: OWNER,
  EPERM: OWNER,
  EISDIR: IN_THE_WAY,
  ENOTDIR: IN_THE_WAY,
  EEXIST: IN_THE_WAY,
  ENOTEMPTY: IN_THE_WAY,
  ELOOP: IN_THE_WAY,
};

/** The lock's files hold nothing but the lock: https://www.sqlite.org/rescode.html */
const REMOVE_LOCK = "Remove the lock's file in the host's folder while no agent runs: it holds nothing, and is made anew.";
const sqliteRefusals: Readonly<Record<number, string>> = { 8: OWNER, 10: OWNER, 11: REMOVE_LOCK, 14: OWNER, 26: REMOVE_LOCK };

/** The primary result code, without the detail in the upper bits. */
function sqliteCodeOf(error: unknown): number | undefined {
  return error instanceof Error && "errcode" in error && typeof error.errcode === "number" ? error.errcode & 0xff : undefined;
}
