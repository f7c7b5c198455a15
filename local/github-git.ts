import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface Comparison {
  readonly status: "identical" | "ahead" | "behind" | "diverged";
  readonly ahead: number;
  readonly behind: number;
  readonly base: string;
  readonly mergeBase: string;
}

/** Compares two commits of a local repository as GitHub's API does; undefined when one is not there or they have no history in common. */
export async function compareCommits(dir: string, base: string, head: string): Promise<Comparison | undefined> {
  try {
    const from = await commitOf(dir, base);
    const to = await commitOf(dir, head);
    const mergeBase = await git(dir, "merge-base", from, to);
    const [behind = 0, ahead = 0] = (await git(dir, "rev-list", "--left-right", "--count", `${from}...${to}`)).split("\t").map(Number);
    const status = ahead > 0 && behind > 0 ? "diverged" : ahead > 0 ? "ahead" : behind > 0 ? "behind" : "identical";
    return { status, ahead, behind, base: from, mergeBase };
  } catch {
    return undefined;
  }
}

export function commitOf(dir: string, revision: string): Promise<string> {
  return git(dir, "rev-parse", "--verify", "--quiet", "--end-of-options", `${revision}^{commit}`);
}

async function git(dir: string, ...args: readonly string[]): Promise<string> {
  return (await run("git", ["-C", dir, ...args])).stdout.trim();
}
