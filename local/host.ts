import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import type { HostSettings } from "../src/host/settings.ts";
import { root } from "./paths.ts";

/** Makes a folder a host's: docs/architecture.md, "The host's folder". What is there already is brought up to date; releases stay. */
export async function installHost(home: string, settings: HostSettings): Promise<void> {
  mkdirSync(join(home, "bin"), { recursive: true });
  installPythonPackage(home);
  await bundleAgent(join(home, "agent.mjs"));
  replaceFile(join(home, "bin", "dagline-agent"), agentScript(home, settings.node), 0o755);
  link(join(root, "node_modules"), join(home, "node_modules"));
  writeHostSettings(home, settings);
}

/** The agent and each task read them anew. */
export function writeHostSettings(home: string, settings: HostSettings): void {
  replaceFile(join(home, "host.json"), `${JSON.stringify(settings, null, 2)}\n`, 0o644);
}

/** Copies the package that Airflow imports to `<home>/python`. Airflow's processes need it before they start. */
export function installPythonPackage(home: string): void {
  const source = join(root, "airflow", "dagline_airflow");
  cpSync(source, join(home, "python", "dagline_airflow"), { recursive: true, filter: (path) => !path.endsWith("__pycache__") });
}

/** Bundles the agent, whole, into one file that Node runs. */
export async function bundleAgent(outfile: string): Promise<void> {
  await build({
    entryPoints: [join(root, "src", "host", "main.ts")],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node24",
    minify: true,
    logLevel: "error",
    // CommonJS packages in an ES module look for require().
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  });
}

function agentScript(home: string, node: string): string {
  const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
  return `#!/bin/sh
DAGLINE_HOME="\${DAGLINE_HOME:-${quoteInside(home)}}"
export DAGLINE_HOME
NODE_COMPILE_CACHE="$DAGLINE_HOME/compile-cache" exec ${quote(node)} "$DAGLINE_HOME/agent.mjs" "$@"
`;
}

/** For a text between double quotes. */
function quoteInside(text: string): string {
  return text.replace(/["\\$`]/g, "\\$&");
}

function link(target: string, path: string): void {
  rmSync(path, { force: true });
  symlinkSync(target, path);
}

/** Whole at once: an agent that starts meanwhile reads the old one or the new one. */
function replaceFile(path: string, text: string, mode: number): void {
  if (existsSync(path) && readFileSync(path, "utf8") === text) return;
  writeFileSync(`${path}.new`, text);
  chmodSync(`${path}.new`, mode);
  renameSync(`${path}.new`, path);
}
