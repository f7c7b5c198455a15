import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export interface Repository {
  readonly root: string;
  /** Writes files (null: removes one) and commits everything. Returns the commit. */
  commit(files: Readonly<Record<string, string | null>>): string;
  /** The same on a branch that leaves from the commit before; `main` stays where it is. */
  aside(files: Readonly<Record<string, string | null>>): string;
  remove(): void;
}

/** A Git repository in a folder of its own. */
export function makeRepository(): Repository {
  const root = mkdtempSync(join(tmpdir(), "dagline-actions-"));
  const git = (...args: string[]): string =>
    execFileSync("git", ["-c", "user.name=Test", "-c", "user.email=test@example.com", ...args], { cwd: root, encoding: "utf8" }).trim();
  git("init", "--quiet", "--initial-branch=main");
  const commit: Repository["commit"] = (files) => {
    for (const [path, text] of Object.entries(files)) {
      const file = join(root, path);
      mkdirSync(dirname(file), { recursive: true });
      if (text === null) rmSync(file);
      else writeFileSync(file, text);
    }
    git("add", "--all");
    git("commit", "--quiet", "--allow-empty", "--message", "a commit");
    // A folder whose last file is gone.
    git("clean", "--quiet", "-d", "--force");
    return git("rev-parse", "HEAD");
  };
  return {
    root,
    commit,
    aside(files) {
      git("checkout", "--quiet", "--detach", "HEAD~1");
      const made = commit(files);
      git("checkout", "--quiet", "main");
      return made;
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** `scrapes/NAME/...` of a scrape's files. */
export function under(name: string, files: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([path, text]) => [`scrapes/${name}/${path}`, text]));
}
