import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { UserError } from "../../src/errors.ts";
import { checkScrape, checkScrapes } from "../../src/scrape/check-scrapes.ts";
import { rejects } from "../rejects.ts";
import { checkFiles, edited, type Files, places, weather, weatherYaml } from "./check-files.ts";

const missing: readonly (readonly [string, Files, RegExp])[] = [
  ["functions.ts", { "functions.ts": null }, /exports the functions/],
  ["helpers.ts", { "helpers.ts": null }, /pure functions/],
  ["config/", { "config/config.json": null }, /JSON that the functions get/],
  ["fixtures/", { "fixtures/sample.csv": null }, /samples/],
  ["component.test.ts", { "component.test.ts": null }, /PostgreSQL/],
  ["unit.test.ts", { "unit.test.ts": null }, /helpers\.ts/],
  ["README.md", { "README.md": null }, /what the rows are/],
  ["weather.yml", { "weather.yml": null }, /when the scrape runs/],
];

for (const [path, change, holds] of missing) {
  test(`missing-file: without ${path} it is said what belongs in it`, async () => {
    const { problems, scrapes } = await checkFiles({ weather: weather(change) });
    const found = problems.find(({ code }) => code === "missing-file");
    assert.is(found?.file, `scrapes/weather/${path}`);
    assert.equal([found?.line, found?.column], [1, 1]);
    assert.match(found?.hint ?? "", holds);
    assert.equal(scrapes, []);
  });
}

interface FileCase {
  readonly title: string;
  readonly files: Files;
  /** `file code line:column`. */
  readonly expected: string;
  readonly says: RegExp;
}

const invalidUtf8 = Buffer.concat([Buffer.from("weather:\n  owner: "), Buffer.from([0xff, 0xfe]), Buffer.from("\n")]);

const fileCases: readonly FileCase[] = [
  {
    title: "a YAML file that is no DAG",
    files: { "compose.yml": "services:\n  web: {}\n" },
    expected: "compose.yml not-a-dag 1:1",
    says: /config\/ or fixtures\//,
  },
  { title: "an empty YAML file", files: { "empty.yml": "# nothing\n" }, expected: "empty.yml not-a-dag 1:1", says: /`empty:`/ },
  { title: "a YAML list", files: { "list.yml": "- a\n" }, expected: "list.yml not-a-dag 1:1", says: /one key/ },
  {
    title: "a DAG in a sub-folder",
    files: { "dags/other.yml": "other: {}\n" },
    expected: "dags/other.yml misplaced-yaml 1:1",
    says: /directly in/,
  },
  {
    title: "a DAG file named .yaml",
    files: { "other.yaml": weatherYaml.replaceAll("weather", "other") },
    expected: "other.yaml misplaced-yaml 1:1",
    says: /other\.yml/,
  },
  {
    title: "YAML that does not parse",
    files: { "weather.yml": "weather:\n  owner: [a\n" },
    expected: "weather.yml yaml-syntax 3:1",
    says: /not YAML/,
  },
  { title: "a file that is not UTF-8", files: { "weather.yml": invalidUtf8 }, expected: "weather.yml not-utf8 2:10", says: /UTF-8/ },
  {
    title: "configuration that is not JSON",
    files: { "config/config.json": '{\n  "a": 1,\n}\n' },
    expected: "config/config.json config-json 3:1",
    says: /trailing commas/,
  },
  {
    title: "configuration that ends early",
    files: { "config/more.json": '{ "a": [1' },
    expected: "config/more.json config-json 1:10",
    says: /not JSON/,
  },
  {
    title: "a module that does not parse",
    files: { "functions.ts": "export function extract( {\n" },
    expected: "functions.ts module-syntax 2:1",
    says: /does not parse/,
  },
  {
    title: "a README of a megabyte",
    files: { "README.md": "x".repeat(1024 * 1024) },
    expected: "README.md file-too-large 1:1",
    says: /128 KiB/,
  },
  {
    title: "a DAG file of two megabytes",
    files: { "weather.yml": "#".repeat(2 * 1024 * 1024) },
    expected: "weather.yml file-too-large 1:1",
    says: /1024 KiB/,
  },
];

for (const { title, files, expected, says } of fileCases) {
  test(`${expected.split(" ")[1]}: ${title}`, async () => {
    const { problems, scrapes } = await checkFiles({ weather: weather(files) });
    const [found] = problems;
    assert.is(problems.length, 1, JSON.stringify(problems));
    assert.is(`${found?.file.slice("scrapes/weather/".length)} ${found?.code} ${found?.line}:${found?.column}`, expected);
    assert.match(`${found?.message}\n${found?.hint}`, says);
    assert.equal(scrapes, []);
  });
}

test("YAML in config/ and fixtures/ is left alone", async () => {
  const { problems } = await checkFiles({ weather: weather({ "config/more.yml": "a: 1", "fixtures/a.yaml": "- :" }) });
  assert.equal(problems, []);
});

test("link-outside: links that leave the scrape are refused, whether to a file, a folder or nowhere", async () => {
  const { problems, scrapes } = await checkFiles({ weather: weather({ "config/config.json": null }) }, (root) => {
    const scrape = join(root, "scrapes", "weather");
    mkdirSync(join(scrape, "config"), { recursive: true });
    symlinkSync("/etc/passwd", join(scrape, "config", "config.json"));
    symlinkSync("/etc", join(scrape, "fixtures", "etc"));
    symlinkSync("nowhere", join(scrape, "lost"));
    symlinkSync("self", join(scrape, "self"));
    symlinkSync("weather", join(root, "scrapes", "linked"));
  });
  const links = problems.filter(({ code }) => code === "link-outside").map(({ file }) => file);
  assert.equal(links, [
    "scrapes/linked",
    "scrapes/weather/config/config.json",
    "scrapes/weather/fixtures/etc",
    "scrapes/weather/lost",
    "scrapes/weather/self",
  ]);
  assert.equal(scrapes, []);
});

test("a link to a file of the same scrape is followed", async () => {
  const { problems } = await checkFiles({ weather: weather() }, (root) =>
    symlinkSync("sample.csv", join(root, "scrapes", "weather", "fixtures", "latest.csv")),
  );
  assert.equal(problems, []);
});

test("not-a-file: a pipe in the place of a file is not waited for", async () => {
  const { problems } = await checkFiles({ weather: weather({ "functions.ts": null, "weather.yml": null }) }, (root) => {
    for (const name of ["functions.ts", "weather.yml"]) execFileSync("/usr/bin/env", ["mkfifo", join(root, "scrapes", "weather", name)]);
  });
  assert.equal(
    problems.filter(({ code }) => code === "not-a-file").map(({ file }) => file),
    ["scrapes/weather/functions.ts", "scrapes/weather/weather.yml"],
  );
});

test("a file of 100 MB is not read", async () => {
  const started = performance.now();
  const { problems } = await checkFiles({ weather: weather() }, (root) =>
    truncateSync(join(root, "scrapes", "weather", "weather.yml"), 100 * 1024 * 1024),
  );
  assert.equal(places(problems), ["file-too-large 1:1"]);
  assert.ok(performance.now() - started < 3000);
});

test("too-many-files: a scrape is no store of data", async () => {
  const { problems } = await checkFiles({ weather: weather() }, (root) => {
    mkdirSync(join(root, "scrapes/weather/fixtures", "deep/".repeat(12)), { recursive: true });
    writeFileSync(join(root, "scrapes/weather/fixtures", "deep/".repeat(12), "a.csv"), "");
  });
  assert.ok(problems.some(({ code }) => code === "too-many-files"));
});

test("folder-name: a scrape's folder is lower case", async () => {
  const { problems } = await checkFiles({ Weather: weather() });
  assert.equal(places(problems), ["folder-name 1:1"]);
});

test("misplaced-yaml: a DAG file directly in scrapes/ is told its place", async () => {
  const { problems } = await checkFiles({ weather: weather() }, (root) => writeFileSync(join(root, "scrapes", "other.yml"), "other: {}"));
  assert.is(problems[0]?.code, "misplaced-yaml");
  assert.match(problems[0]?.hint ?? "", /scrapes\/other\//);
});

test("callables that `export *` gives are found, as far as the scrape's folder reaches", async () => {
  const files = {
    "functions.ts": 'export * from "./helpers.ts";\nexport * from "../other/helpers.ts";\n',
    "helpers.ts": "export function extract() {}\nexport { extract as transform };\n",
  };
  const { problems } = await checkFiles({ weather: weather(files) });
  assert.equal(problems, []);
});

test("a callable is looked up in the module that its DAG names, for each DAG of a scrape", async () => {
  const named = edited(["functions.ts", "lib/more.ts"]);
  const files = {
    "weather.yml": named,
    "later.yml": named.replaceAll("weather", "later"),
    "lib/more.ts": "export function extract() {}\n",
  };
  const { problems } = await checkFiles({ weather: weather(files) });
  const found = problems.map(({ code, file, line }) => `${code} ${file}:${line}`);
  assert.equal(found, ["unknown-callable scrapes/weather/later.yml:23", "unknown-callable scrapes/weather/weather.yml:23"]);
});

test("nothing of a module is run", async () => {
  const key = "daglineWasRun";
  const { problems } = await checkFiles({
    weather: weather({ "functions.ts": `globalThis.${key} = true;\nprocess.exit(3);\nexport const extract = 1, transform = 2;\n` }),
  });
  assert.equal(problems, []);
  assert.not(key in globalThis);
});

test("a module that does not parse does not hide what is wrong in another scrape's", async () => {
  const { problems } = await checkFiles({
    weather: weather({ "functions.ts": "export function (" }),
    second: second({ "functions.ts": "export function extract() {}" }),
  });
  assert.equal(
    problems.map(({ code, file }) => `${code} ${file}`),
    ["unknown-callable scrapes/second/second.yml", "module-syntax scrapes/weather/functions.ts"],
  );
});

test("duplicate-dag: the second scrape with the same DAG id is told of the first, which stays right", async () => {
  const { problems, scrapes } = await checkFiles({ another: { ...weather() }, weather: weather() });
  assert.equal(places(problems), ["duplicate-dag 2:1"]);
  assert.match(problems[0]?.message ?? "", /scrapes\/another\/weather\.yml/);
  assert.equal(
    scrapes.map(({ name }) => name),
    ["another"],
  );
});

test("table-fields: two DAGs that write a table with different fields", async () => {
  const yaml = weatherYaml.replace("weather:", "second:").replace("type: BIGINT", "type: INTEGER");
  const { problems } = await checkFiles({ weather: weather(), aaa: second({ "second.yml": yaml }) });
  assert.equal(places(problems), ["table-fields 28:21"]);
  assert.match(problems[0]?.message ?? "", /`id` has another type/);
});

test("table-mode: a table that one DAG replaces and another appends to", async () => {
  const slice = '      slice: "{region}-{year}-{month}-{day}"\n';
  const { problems } = await checkFiles({
    weather: weather({ "weather.yml": edited(["mode: append", "mode: replace"], [slice, ""]) }),
    aaa: second({ "second.yml": weatherYaml.replace("weather:", "second:") }),
  });
  assert.equal(places(problems), ["table-mode 28:21"]);
});

test("two DAGs that wait for each other's tables are a cycle", async () => {
  const waits = (text: string, table: string): string => text.replace('schedule: "0 0 * * *"', `schedule: { assets: [${table}] }`);
  const { problems } = await checkFiles({
    weather: weather({ "weather.yml": waits(weatherYaml, "second") }),
    second: second({ "second.yml": waits(weatherYaml.replaceAll("weather", "second"), "weather") }),
  });
  assert.equal(
    problems.map(({ code, message }) => `${code} ${message}`),
    ["cycle the DAG starts itself for ever: second -> weather -> second"],
  );
});

test("folders that begin with _ are checked when they are asked for", async () => {
  await checkFiles(
    { _template: weather({ "weather.yml": null, "_template.yml": weatherYaml.replaceAll("weather", "_template") }) },
    (root) => {
      pending = Promise.all([checkScrapes(root), checkScrape(root, "_template")]);
      return pending;
    },
  );
  const [all, template] = await pending;
  assert.equal([all.scrapes, all.problems], [[], []]);
  assert.is(template.scrape?.dags[0]?.id, "_template");
});

let pending: Promise<[Awaited<ReturnType<typeof checkScrapes>>, Awaited<ReturnType<typeof checkScrape>>]>;

test("no scrapes/ folder, and a scrape that is not there, are the user's error", async () => {
  assert.instance(await rejects(checkScrapes("/nowhere")), UserError);
  await checkFiles({ weather: weather() }, (root) => {
    const asked = rejects(checkScrape(root, "wether"), /no scrape named "wether"/);
    return asked.then((error) => assert.match(error instanceof UserError ? (error.hint ?? "") : "", /`weather`/));
  });
});

/** A second right scrape, with tables of its own. */
function second(changes: Files): Files {
  const files = Object.entries(weather()).map(([path, text]) => [
    path.replace("weather", "second"),
    String(text).replaceAll("weather", "second"),
  ]);
  return { ...Object.fromEntries(files), ...changes };
}

test.run();
