import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** Which room may import which. Files directly in src/ (errors, ids, log) are open to all, and so are the rooms of `shared`. */
const mayImport: Record<string, readonly string[]> = {
  scrape: [],
  release: ["scrape"],
  plan: ["scrape", "release", "load"],
  deploy: ["scrape", "release", "plan"],
  infra: ["plan", "release"],
  backfill: ["scrape", "release", "deploy"],
  host: ["scrape", "release", "deploy", "backfill"],
  forge: [],
  tables: ["scrape"],
  load: ["scrape"],
  task: ["scrape", "tables", "load"],
  warehouse: ["scrape", "release", "load"],
  services: ["scrape", "release", "deploy", "backfill", "host", "infra", "tables", "task", "load", "forge"],
  testkit: ["scrape", "release", "tables", "task", "load", "services"],
  cli: ["scrape", "release", "plan", "deploy", "infra", "backfill", "host", "task", "load", "services", "testkit"],
  time: [],
};

/** Shared ground, which imports no other room. */
const shared = ["time"];

const vendorSdk = /^(@aws-sdk\/|@smithy\/|pg$|pg-|@duckdb\/|@actions\/|@octokit\/|esbuild$)/;
/** esbuild is release's and scrape's compiler, not a service; DuckDB counts rows where the file is. */
const vendorAllowed: Record<string, RegExp> = {
  scrape: /^esbuild$/,
  release: /^esbuild$/,
  services: /^(?!@actions\/)/,
  testkit: /^@duckdb\//,
};

/** The two programs that are put together from parts: an entry may reach for its adapters. */
const entries = new Set(["src/host/main.ts", "src/task/main.ts"]);

test("each room imports only the rooms that the table allows", () => {
  const wrong: string[] = [];
  for (const { file, target } of imports()) {
    const from = roomOf(file);
    const to = target.startsWith(".") ? roomOf(relative(root, resolve(root, dirname(file), target))) : undefined;
    if (from === undefined || to === undefined || from === to) continue;
    if (entries.has(file) && to === "services") continue;
    if (!shared.includes(to) && !mayImport[from]?.includes(to)) wrong.push(`${file} imports ${target}`);
  }
  assert.equal(wrong, []);
});

test("of the load stage, plan knows only the DDL, which is pure", () => {
  const known = imports().filter(({ file, target }) => roomOf(file) === "plan" && target.startsWith("../load/"));
  assert.equal([...new Set(known.map(({ target }) => target))], ["../load/ddl.ts"]);
});

test("vendor SDKs are imported under src/services only, and those of Actions nowhere in src", () => {
  const wrong: string[] = [];
  for (const { file, target } of imports()) {
    if (!vendorSdk.test(target)) continue;
    const room = roomOf(file);
    if (room !== undefined && !vendorAllowed[room]?.test(target)) wrong.push(`${file} imports ${target}`);
  }
  assert.equal(wrong, []);
});

test("there is no import cycle among the files of src", () => {
  const graph = new Map<string, string[]>();
  for (const { file, target, typeOnly } of imports()) {
    if (!target.startsWith(".") || typeOnly) continue;
    graph.set(file, [...(graph.get(file) ?? []), relative(root, resolve(root, dirname(file), target))]);
  }
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    assert.not(path.includes(file), `import cycle: ${[...path, file].join(" -> ")}`);
    if (done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
});

function roomOf(file: string): string | undefined {
  const match = /^src\/([^/]+)\//.exec(file);
  return match?.[1];
}

function imports(): { file: string; target: string; typeOnly: boolean }[] {
  const found: { file: string; target: string; typeOnly: boolean }[] = [];
  for (const entry of readdirSync(join(root, "src"), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith(".ts")) continue;
    const path = join(entry.parentPath, entry.name);
    const text = readFileSync(path, "utf8");
    for (const match of text.matchAll(
      /^(?:import|export)\s+(type\s)?[^;]*?from\s+"([^"]+)"|\bimport\("([^"]+)"\)|^import\s+"([^"]+)"/gms,
    )) {
      const target = match[2] ?? match[3] ?? match[4] ?? "";
      if (target.startsWith("node:") || builtinModules.includes(target)) continue;
      found.push({ file: relative(root, path), target, typeOnly: match[1] !== undefined });
    }
  }
  return found;
}

test.run();
