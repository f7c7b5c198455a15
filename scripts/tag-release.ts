// Commits what is built on top of what is checked out and tags it: v1.2.3, which is never moved, and v1, which is. Main stays as it is.
//   npm run build -- release && node scripts/tag-release.ts 1.2.3
import { execFileSync } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../local/paths.ts";
import { cloudPostgresVersion, postgresPackages } from "../local/postgres-cluster.ts";

const version = process.argv[2] ?? "";
const major = /^(\d+)\.\d+\.\d+$/.exec(version)?.[1];
if (major === undefined) stop(2, `not a version: ${JSON.stringify(version)}; it is three numbers, as 1.2.3`);
const git = (...args: string[]): string => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();
if (git("ls-remote", "--tags", "origin", `v${version}`) !== "")
  stop(1, `v${version} is there already, and is never moved: take the next version`);

const source = git("rev-parse", "HEAD");
git("-c", "advice.detachedHead=false", "checkout", "--quiet", "--detach");
cpSync(join(root, "dist", "package"), root, { recursive: true });
writePackage();
git("add", "--force", "package.json", "src", "local", "dist/actions", "dist/node_modules", "dist/runner", "dist/host");
const author = ["-c", "user.name=github-actions[bot]", "-c", "user.email=41898282+github-actions[bot]@users.noreply.github.com"];
git(...author, "commit", "--quiet", "--message", `Version ${version}: the sources of ${source}, and what is built from them`);
git(...author, "tag", "--annotate", "--message", `dagline ${version}`, `v${version}`);
git("tag", "--force", `v${major}`);
git("push", "--quiet", "origin", `v${version}`);
git("push", "--quiet", "--force", "origin", `v${major}`);
process.stderr.write(`tagged v${version} and v${major}\n`);

/** As others install it: JavaScript instead of TypeScript, and with what runs their tests. */
function writePackage(): void {
  const file = join(root, "package.json");
  const description = JSON.parse(readFileSync(file, "utf8")) as PackageDescription;
  const { scripts: _scripts, devDependencies, dependencies, ...rest } = description;
  const runtime = [postgresPackages[cloudPostgresVersion], "uvu"].map((name) => [
    name,
    devDependencies[name] ?? stop(1, `package.json has no ${name}`),
  ]);
  const published = {
    ...rest,
    version,
    bin: { dagline: "src/cli/main.js" },
    exports: {
      ".": { types: "./src/task/api.ts", default: "./src/task/api.js" },
      "./testkit": { types: "./src/testkit/index.ts", default: "./src/testkit/index.js" },
    },
    dependencies: { ...dependencies, ...Object.fromEntries(runtime) },
  };
  writeFileSync(file, `${JSON.stringify(published, null, 2)}\n`);
}

interface PackageDescription {
  readonly scripts: unknown;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

function stop(code: number, message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}
