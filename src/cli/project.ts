import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { UserError } from "../errors.ts";
import { type Log, stderrLog } from "../log.ts";
import { buildRelease, prepareRelease, type Release } from "../release/build-release.ts";
import { checkScrapes } from "../scrape/check-scrapes.ts";
import { formatProblems } from "../scrape/format-problems.ts";
import type { Problem } from "../scrape/model.ts";

/** The nearest folder, from here upwards, that has a `scrapes/`. */
export function findProject(from = process.cwd()): string {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    if (existsSync(join(folder, "scrapes"))) return folder;
    if (folder === dirname(folder)) {
      throw new UserError(`no scrapes/ folder in ${from} or above it`, { hint: "Run dagline in a repository that has one." });
    }
  }
}

/** Checks all scrapes and renders them; when a problem is an error, throws with all of them. */
export async function renderProject(root: string, log: Log = stderrLog()): Promise<Release> {
  prepareRelease();
  const { scrapes, problems } = await checkScrapes(root);
  if (hasErrors(problems)) {
    throw new UserError(`the scrapes have problems\n${formatProblems(problems, "text")}`, {
      hint: "Mend them; `dagline validate` shows them again.",
    });
  }
  if (problems.length > 0) log.warn(formatProblems(problems, "text").trimEnd());
  return buildRelease(scrapes, { root });
}

export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some((problem) => problem.severity === "error");
}

/** The commit that is checked out, or null: outside Git, or when files differ from the commit. */
export function currentCommit(root: string): string | null {
  try {
    const git = (...args: string[]): string =>
      execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    return git("status", "--porcelain", "--", "scrapes", "src") === "" ? git("rev-parse", "HEAD") : null;
  } catch {
    return null; // no Git, no repository or no commit yet: the release then says that its commit is unknown
  }
}
