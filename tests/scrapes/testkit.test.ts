import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTestkit, readCsv, thrownBy } from "dagline/testkit";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { root } from "../../local/paths.ts";
import { newScrape } from "../../src/cli/new-scrape.ts";
import { checkScrapes } from "../../src/scrape/check-scrapes.ts";
import { rejects } from "../rejects.ts";

const project = await mkdtemp(join(tmpdir(), "dagline-testkit-"));
const scrape = join(project, "scrapes", "tides");
test.before(async () => {
  await mkdir(join(project, "scrapes"));
  await symlink(join(root, "node_modules"), join(project, "node_modules"));
  await cp(join(root, "package.json"), join(project, "package.json"));
  await symlink(join(root, "src"), join(project, "src"));
  await cp(join(root, "scrapes", "_template"), join(project, "scrapes", "_template"), { recursive: true });
  await newScrape(project, "tides");
});
test.after(() => rm(project, { recursive: true, force: true }));

test("a scrape made from the template passes every check and keeps no placeholder", async () => {
  const { scrapes, problems } = await checkScrapes(project);
  assert.equal(problems, []);
  assert.equal(
    scrapes.flatMap(({ dags }) => dags.map(({ id }) => id)),
    ["tides"],
  );
  for (const entry of await readdir(scrape, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) assert.not.match(await readFile(join(entry.parentPath, entry.name), "utf8"), "_template");
  }
});

test("a test's date is the start of the run's data interval", async () => {
  const kit = await openTestkit(scrape);
  const url = "https://api.example.com/v1/measurements?date=2024-02-29";
  const file = await kit.runExtract("tides", "extract", { date: "2024-02-29", serve: { [url]: "measurements.json" } });
  assert.is((await readCsv(await kit.runTransform("tides", "transform", file))).length, 2);
  await kit.close();
});

test("nothing is fetched but what the test serves", async () => {
  const kit = await openTestkit(scrape);
  const error = await thrownBy(kit.runExtract("tides", "extract", { date: "2024-02-29", serve: { "https://example.com/": 200 } }));
  assert.match(String(error.cause), "the test serves nothing at https://api.example.com/v1/measurements?date=2024-02-29");
  await kit.close();
});

test("a DAG or a task that is not there is named, with those that are", async () => {
  const kit = await openTestkit(scrape);
  const error = await rejects(kit.runTransform("tides", "reshape", "file.json"), /tides.yml has no transform task reshape/);
  assert.is((error as { hint?: string }).hint, "It has: transform.");
  await rejects(kit.load("waves", "load", "file.csv"), /has no DAG waves/);
  await kit.close();
});

test("a test reads CSV as a load does", async () => {
  const file = join(project, "rows.csv");
  await writeFile(file, '\uFEFFid,"na""me"\r\n#1,"a, ""b"""\r\n"",\r\n');
  assert.equal(await readCsv(file), [
    { id: "#1", 'na"me': 'a, "b"' },
    { id: "", 'na"me': null },
  ]);
  await writeFile(file, "id,name\n1\n");
  await rejects(readCsv(file), /rows\.csv: row 1 has 1 values, and the header 2/);
  await writeFile(file, 'id,name\n1,"a\n');
  await rejects(readCsv(file), /rows\.csv: a quote is opened and never closed/);
});

test("a YAML with problems is refused with all of them", async () => {
  const file = join(scrape, "tides.yml");
  const text = await readFile(file, "utf8");
  await writeFile(file, text.replace("mode: append", "mode: apend"));
  await rejects(openTestkit(scrape), /scrapes\/tides\/tides.yml:\d+:\d+/);
  await writeFile(file, text);
});

test("close leaves nothing in the temporary folder", async () => {
  const before = await readdir(tmpdir());
  const kit = await openTestkit(scrape);
  await kit.runTransform("tides", "transform", join(scrape, "fixtures", "measurements.json"));
  await kit.close();
  const after = (await readdir(tmpdir())).filter((name) => name.startsWith("dagline-tides-"));
  assert.equal(
    after.filter((name) => !before.includes(name)),
    [],
  );
});

test.run();
