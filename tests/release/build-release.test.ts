import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { sha256 } from "../../src/ids.ts";
import { buildRelease, type Release, writeRelease } from "../../src/release/build-release.ts";
import { parseManifest, releaseIdOf } from "../../src/release/manifest.ts";
import type { Scrape } from "../../src/scrape/model.ts";
import { rejects } from "../rejects.ts";
import { extractTask, loadTask, makeDag, makeScrape, writeSources } from "./make-dags.ts";

const temp = mkdtempSync(join(tmpdir(), "dagline-release-"));
test.after(() => rmSync(temp, { recursive: true, force: true }));

const shared = {
  "scrapes/shared/http.ts": 'import { greet } from "greeting";\nexport const agent = greet("dagline");\n',
  "node_modules/greeting/package.json": '{"name":"greeting","version":"1.0.0","main":"index.js"}\n',
  "node_modules/greeting/index.js":
    '/*! greeting, MIT */\nconst { sep } = require("path");\nexports.greet = (name) => "hello" + sep + name;\n',
};
const sharing = (name: string): string =>
  `import { Skip } from "dagline";\nimport { agent } from "../shared/http.ts";\nexport async function extract() {\n  if (agent === "") throw new Skip("${name}");\n  return agent;\n}\n`;

test("the same scrapes give the same bytes in another folder and in another order", async () => {
  const scrapes = ["zones", "green", "yellow"].map((name) => makeScrape(name));
  const here = newRoot(scrapes, {
    ...shared,
    "scrapes/zones/functions.ts": sharing("zones"),
    "scrapes/green/functions.ts": sharing("green"),
  });
  const there = join(temp, "quite", "another", "place");
  cpSync(here, there, { recursive: true });
  const one = await buildRelease(scrapes, { root: here });
  const other = await buildRelease([...scrapes].reverse(), { root: there });
  assert.is(other.id, one.id);
  assert.equal(contents(other), contents(one));
});

test("no file tells where, when or by whom it was made", async () => {
  const scrapes = [makeScrape("a"), makeScrape("b")];
  const root = newRoot(scrapes, { ...shared, "scrapes/a/functions.ts": sharing("a"), "scrapes/b/functions.ts": sharing("b") });
  const release = await buildRelease(scrapes, { root });
  const told = contents(release).filter(([, text]) => [temp, process.cwd(), "file://"].some((trace) => text.includes(trace)));
  assert.equal(
    told.map(([path]) => path),
    [],
  );
});

test("a release holds each DAG, its spec, its functions, its configuration and the runner", async () => {
  const scrapes = [makeScrape("a")];
  const release = await buildRelease(scrapes, {
    root: newRoot(scrapes, { "scrapes/a/config/deep/er.txt": "x", "scrapes/a/config/.hidden": "x" }),
  });
  assert.equal([...release.files.keys()].filter((path) => !path.startsWith("run")).sort(), [
    "configs/a/config.json",
    "configs/a/deep/er.txt",
    "dags/a.py",
    "definitions/a.json",
    "functions/a.mjs",
    "functions/a.mjs.map",
    "specs/a.json",
  ]);
  assert.ok(release.files.has("run-task.mjs"));
  assert.equal(JSON.parse(text(release, "specs/a.json")).functions, "functions/a.mjs");
  assert.equal(JSON.parse(text(release, "specs/a.json")).config, "configs/a/config.json");
});

test("the manifest names every file with its digest and size, and the id is the manifest's digest", async () => {
  const scrapes = [makeScrape("a")];
  const release = await buildRelease(scrapes, { root: newRoot(scrapes) });
  assert.equal(parseManifest(release.manifestBytes), release.manifest);
  assert.is(releaseIdOf(release.manifestBytes), release.id);
  assert.equal(release.manifest.dags, { a: { file: "dags/a.py", source: "scrapes/a/a.yml" } });
  assert.equal(
    release.manifest.files,
    [...release.files].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, bytes]) => ({ path, sha256: sha256(bytes), size: bytes.length })),
  );
});

test("bundled functions run, share one chunk, and take `dagline` and CommonJS packages with them", async () => {
  const scrapes = [makeScrape("a"), makeScrape("b")];
  const root = newRoot(scrapes, { ...shared, "scrapes/a/functions.ts": sharing("a"), "scrapes/b/functions.ts": sharing("b") });
  const out = join(root, "out");
  const release = await buildRelease(scrapes, { root });
  writeRelease(release, out);
  const module: unknown = await import(pathToFileURL(join(out, "functions", "a.mjs")).href);
  assert.ok(hasExtract(module));
  assert.is(await module.extract(), "hello/dagline");
  assert.is([...release.files.keys()].filter((path) => /^functions\/chunks\/.*\.mjs$/.test(path)).length, 1);
});

test("a changed shared module changes the functions of all that import it, and of no other", async () => {
  const scrapes = [makeScrape("a"), makeScrape("b"), makeScrape("c")];
  const root = newRoot(scrapes, { ...shared, "scrapes/a/functions.ts": sharing("a"), "scrapes/b/functions.ts": sharing("b") });
  const before = await buildRelease(scrapes, { root });
  writeFileSync(join(root, "scrapes/shared/http.ts"), shared["scrapes/shared/http.ts"].replace("dagline", "other"));
  const after = await buildRelease(scrapes, { root });
  const changed = ["a", "b", "c"].filter((name) => text(before, `functions/${name}.mjs`) !== text(after, `functions/${name}.mjs`));
  assert.equal(changed, ["a", "b"]);
});

test("DAGs of one scrape may keep their functions in different files", async () => {
  const dags = [makeDag({ id: "a" }), makeDag({ id: "b", scrape: "a", callableFile: "scrapes/a/more/other.ts", configPath: null })];
  const scrapes = [makeScrape("a", dags)];
  const release = await buildRelease(scrapes, {
    root: newRoot(scrapes, { "scrapes/a/more/other.ts": "export const extract = () => 1;\n" }),
  });
  assert.is(JSON.parse(text(release, "specs/b.json")).functions, "functions/a/more/other.mjs");
  assert.ok(release.files.has("functions/a/more/other.mjs") && release.files.has("functions/a.mjs"));
});

test("source maps lead back to the sources, by paths within the repository", async () => {
  const scrapes = [makeScrape("a")];
  const map = JSON.parse(text(await buildRelease(scrapes, { root: newRoot(scrapes) }), "functions/a.mjs.map"));
  assert.equal(
    map.sources.filter((source: string) => !source.startsWith("dagline:")),
    ["../scrapes/a/helpers.ts", "../scrapes/a/functions.ts"],
  );
});

test("native packages that hosts have stay outside of the bundle, others are refused by name", async () => {
  const scrapes = [makeScrape("a")];
  const duckdb = 'import { DuckDBInstance } from "@duckdb/node-api";\nexport const extract = () => DuckDBInstance;\n';
  const release = await buildRelease(scrapes, { root: newRoot(scrapes, { "scrapes/a/functions.ts": duckdb }) });
  assert.match(text(release, "functions/a.mjs"), 'from "@duckdb/node-api"');
  const native = {
    "scrapes/a/functions.ts": 'import fast from "fast";\nexport const extract = () => fast;\n',
    "node_modules/fast/package.json": '{"name":"fast","main":"index.js","dependencies":{"node-gyp-build":"4"}}',
    "node_modules/fast/index.js": "module.exports = 1;\n",
  };
  await rejects(buildRelease(scrapes, { root: newRoot(scrapes, native) }), /^fast has native code/);
});

test("functions that cannot be bundled are reported with file, line and column, all at once", async () => {
  const scrapes = [makeScrape("a"), makeScrape("b")];
  const wrong = { "scrapes/a/functions.ts": 'import "./nowhere.ts";\n', "scrapes/b/functions.ts": "\n  export const = 1;\n" };
  const error = await rejects(buildRelease(scrapes, { root: newRoot(scrapes, wrong) }), (found) => found.name === "UserError");
  assert.match(error.message, "scrapes/a/functions.ts:1:8: Could not resolve");
  assert.match(error.message, "scrapes/b/functions.ts:2:16: ");
});

test("a configuration that leads out of its scrape is refused", async () => {
  const scrapes = [makeScrape("a")];
  const root = newRoot(scrapes);
  symlinkSync("/etc/hostname", join(root, "scrapes/a/config/link.txt"));
  await rejects(buildRelease(scrapes, { root }), /scrapes\/a\/config\/link\.txt is a link that leads out of scrapes\/a/);
});

test("no scrapes make a release without DAGs", async () => {
  const release = await buildRelease([], { root: newRoot([]) });
  assert.equal(release.manifest.dags, {});
});

test("a release is written with its manifest, and a later one takes its place", async () => {
  const scrapes = [makeScrape("a"), makeScrape("b")];
  const root = newRoot(scrapes);
  const out = join(root, "out");
  writeRelease(await buildRelease(scrapes, { root }), out);
  const later = await buildRelease(scrapes.slice(0, 1), { root });
  writeFileSync(join(out, "dags/a.py"), "edited");
  writeRelease(later, out);
  assert.not(existsSync(join(out, "dags/b.py")));
  for (const [path, bytes] of later.files) assert.ok(readFileSync(join(out, path)).equals(bytes), path);
  assert.ok(readFileSync(join(out, "manifest.json")).equals(later.manifestBytes));
});

test("a folder that holds anything else is left alone", async () => {
  const out = join(temp, "precious");
  mkdirSync(out);
  const release = await buildRelease([], { root: newRoot([]) });
  for (const [name, content] of [
    ["thesis.txt", "x"],
    ["manifest.json", '{"name":"a web app"}'],
  ] as const) {
    writeFileSync(join(out, name), content);
    assert.throws(() => writeRelease(release, out), /precious holds other files than a release/);
    assert.equal(readdirSync(out).includes(name), true);
  }
});

test("hundreds of tasks and DAGs that share a table render", async () => {
  const tasks = [extractTask("e"), ...Array.from({ length: 300 }, (_, index) => loadTask(`l${index}`, ["e"]))];
  const scrapes = [makeScrape("a", [makeDag({ id: "a", tasks })])];
  const release = await buildRelease(scrapes, { root: newRoot(scrapes) });
  assert.is(text(release, "dags/a.py").split("DaglineOperator(").length, 302);
});

let roots = 0;

function newRoot(scrapes: readonly Scrape[], more: Readonly<Record<string, string>> = {}): string {
  const root = join(temp, `root-${roots++}`);
  mkdirSync(root);
  writeSources(root, scrapes, more);
  return root;
}

function contents(release: Release): [string, string][] {
  return [...release.files]
    .map(([path, bytes]): [string, string] => [path, Buffer.from(bytes).toString()])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function text(release: Release, path: string): string {
  const bytes = release.files.get(path);
  if (bytes === undefined) throw new Error(`${path} is not in the release`);
  return Buffer.from(bytes).toString();
}

function hasExtract(module: unknown): module is { extract(): Promise<unknown> } {
  return typeof module === "object" && module !== null && "extract" in module;
}

test.run();
