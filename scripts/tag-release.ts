// Commits dist/ on top of what is checked out and tags it: v1.2.3, which is never moved, and v1, which is. Main stays as it is.
//   node scripts/tag-release.ts 1.2.3
import { execFileSync } from "node:child_process";
import { root } from "../local/paths.ts";

const version = process.argv[2] ?? "";
const match = /^(\d+)\.\d+\.\d+$/.exec(version);
if (match === null) {
  process.stderr.write(`not a version: ${JSON.stringify(version)}; it is three numbers, as 1.2.3\n`);
  process.exit(2);
}
const git = (...args: string[]): string => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();
if (git("ls-remote", "--tags", "origin", `v${version}`) !== "") {
  process.stderr.write(`v${version} is there already, and is never moved: take the next version\n`);
  process.exit(1);
}
const author = ["-c", "user.name=github-actions[bot]", "-c", "user.email=41898282+github-actions[bot]@users.noreply.github.com"];
git("checkout", "--quiet", "--detach");
git("add", "--force", "dist/actions", "dist/node_modules", "dist/runner", "dist/host");
git(
  ...author,
  "commit",
  "--quiet",
  "--message",
  `Version ${version}: the sources of ${git("rev-parse", "HEAD")}, and what is built from them`,
);
git(...author, "tag", "--annotate", "--message", `dagline ${version}`, `v${version}`);
git("tag", "--force", `v${match[1]}`);
git("push", "--quiet", "origin", `v${version}`);
git("push", "--quiet", "--force", "origin", `v${match[1]}`);
process.stderr.write(`tagged v${version} and v${match[1]}\n`);
