import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { join, posix } from "node:path";
import { promisify } from "node:util";
import { UserError } from "../errors.ts";
import { sha256 } from "../ids.ts";

const execute = promisify(execFile);

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

/** The lines of DAG files that ever came or went, as a patch of all branches; null without any, outside Git, and when the history is not all here. */
export async function scrapesHistory(root: string): Promise<string | null> {
  const git = async (...args: string[]): Promise<string> => (await execute("git", args, { cwd: root, maxBuffer: 256e6 })).stdout;
  try {
    if ((await git("rev-parse", "--is-shallow-repository")).trim() !== "false") return null;
    const plain = ["--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--src-prefix=a/", "--dst-prefix=b/"];
    return (await git("log", "--all", "--format=", "--patch", "--unified=0", ...plain, "--", ":(glob)scrapes/*/*.yml")) || null;
  } catch {
    return null; // no Git, or no repository
  }
}

/** The full id of a commit that is here; throws UserError when it is not. `name` never begins with `-`. */
export async function resolveCommit(root: string, name: string): Promise<string> {
  const refused = (cause?: unknown): UserError =>
    new UserError(`there is no commit ${JSON.stringify(name.slice(0, 200))} in this checkout`, {
      hint: "Check out with `fetch-depth: 0`, so that the history is there.",
      cause,
    });
  if (name === "" || name.startsWith("-")) throw refused();
  try {
    const { stdout } = await execute("git", ["rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`], { cwd: root });
    return stdout.trim();
  } catch (error) {
    throw refused(error);
  }
}

/**
 * The paths, relative to `root`, that differ between two commits since they parted; a renamed file counts with both its names.
 * Throws UserError when it is not known where they parted.
 */
export async function changedPaths(root: string, base: string, head: string): Promise<string[]> {
  const git = async (...args: string[]): Promise<string> => (await execute("git", args, { cwd: root, maxBuffer: 256e6 })).stdout;
  const parted = await git("merge-base", base, head).catch((cause: unknown) => {
    throw new UserError(`commits ${base.slice(0, 12)} and ${head.slice(0, 12)} have no history in common in this checkout`, {
      hint: "Check out with `fetch-depth: 0`, so that the history is there.",
      cause,
    });
  });
  const top = `/${(await git("rev-parse", "--show-prefix")).trimEnd()}`;
  const paths = (await git("diff", "--name-only", "--no-renames", "-z", parted.trim(), head)).split("\0");
  return paths.filter((path) => path !== "").map((path) => posix.relative(top, `/${path}`));
}

/**
 * Lays out the `scrapes/` of a commit in a folder below `root`, with the packages that are installed there, and calls `work` with it.
 * It lies below, so that what a scrape imports from outside its folder is found as ever. Removed in the end, whatever happens.
 */
export async function withScrapesOf<T>(root: string, commit: string, work: (folder: string) => Promise<T>): Promise<T> {
  const parent = join(root, ".local");
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, "base-"));
  try {
    const archive = join(folder, "scrapes.tar");
    const { stdout } = await execute("git", ["ls-tree", "--name-only", commit, "scrapes"], { cwd: root });
    if (stdout.trim() === "") mkdirSync(join(folder, "scrapes"));
    else {
      await execute("git", ["archive", "--format=tar", `--output=${archive}`, commit, "scrapes"], { cwd: root });
      await execute("tar", ["-xf", archive, "-C", folder]);
      rmSync(archive);
    }
    if (existsSync(join(root, "node_modules"))) symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Top-level folders that no cloud resource is made from. */
const besideInfra = new Set(["scrapes", "docs", "tests", ".github", "README.md", "CONTRIBUTING.md"]);

/**
 * A digest of all that an environment's cloud resources may be made from: its name, and the commit's tree without scrapes, documents, tests
 * and workflows. The same digest means the same resources. null outside Git, and when files differ from the commit.
 */
export async function infraSource(root: string, environment: string): Promise<string | null> {
  try {
    const git = async (...args: string[]): Promise<string> => (await execute("git", args, { cwd: root, maxBuffer: 64e6 })).stdout;
    const changed = await git(
      "status",
      "--porcelain",
      "--untracked-files=all",
      "-z",
      "--",
      ".",
      ...[...besideInfra].map((name) => `:(exclude)${name}`),
    );
    if (changed !== "") return null;
    const entries = (await git("ls-tree", "-z", "HEAD"))
      .split("\0")
      .filter((entry) => entry !== "" && !besideInfra.has(entry.split("\t")[1] ?? ""));
    return sha256([environment, ...entries].join("\0"));
  } catch {
    return null; // no Git, or no commit: nothing is known to be the same
  }
}
