// Builds what is not run from its sources, into dist/:
//   npm run build                  all of it
//   npm run build -- actions       the GitHub Actions alone, in a second: dist/actions
//   npm run build -- host          what a host needs: bootstrap.sh and all that it installs, the SSM documents
//   npm run build -- release       all of it, and what else a version tag holds: packages that the actions need, the sources as JavaScript
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { buildActions } from "../local/build-actions.ts";
import { bundleAgent, installPythonPackage } from "../local/host.ts";
import { root } from "../local/paths.ts";
import { bundleRunner } from "../src/release/bundle.ts";

const what = parseArgs({ allowPositionals: true }).positionals[0] ?? "all";
if (!["all", "actions", "host", "release"].includes(what)) {
  process.stderr.write(`npm run build takes actions, host, release or nothing, not ${what}\n`);
  process.exit(2);
}
const started = performance.now();
if (what !== "host") await buildActions(join(root, "dist", "actions"));
if (what !== "actions") await buildHost();
if (what === "release") {
  await addPackages();
  compileSources();
}
process.stderr.write(`built dist in ${((performance.now() - started) / 1000).toFixed(1)} s\n`);

async function buildHost(): Promise<void> {
  const out = join(root, "dist", "host");
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  await bundleAgent(join(out, "agent.mjs"));
  installPythonPackage(out);
  cpSync(join(root, "infra", "ssm"), join(out, "ssm"), { recursive: true });
  cpSync(join(root, "infra", "host"), out, { recursive: true });
  for (const lock of ["requirements.lock", "uv.lock"]) cpSync(join(root, "airflow", lock), join(out, lock));
}

/** A tag's actions run where nothing is installed: esbuild and the task runner, which it bundles here, go with them. */
async function addPackages(): Promise<void> {
  const packages = join(root, "dist", "node_modules");
  for (const name of ["esbuild", "@esbuild/linux-x64", "@esbuild/linux-arm64"]) {
    const from = join(root, "node_modules", name);
    if (existsSync(from)) cpSync(from, join(packages, name), { recursive: true, dereference: true });
  }
  for (const [path, bytes] of await bundleRunner()) {
    const target = join(root, "dist", "runner", path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, bytes);
  }
}

/** Node runs no TypeScript in node_modules, where others have dagline for the tests of their scrapes. */
function compileSources(): void {
  rmSync(join(root, "dist", "package"), { recursive: true, force: true });
  const tsc = join(root, "node_modules", ".bin", "tsc");
  execFileSync(tsc, ["-p", join(root, "scripts", "tsconfig.release.json")], { stdio: ["ignore", 2, 2] });
}
