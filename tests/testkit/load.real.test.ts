import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { openTestkit } from "dagline/testkit";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { root } from "../../local/paths.ts";
import { duckdbText } from "../../src/tables/csv-dialect.ts";
import { rejects } from "../rejects.ts";

const project = await mkdtemp(join(tmpdir(), "dagline-testkit-load-"));
const scrape = join(project, "scrapes", "taxi_zones");
await cp(join(root, "scrapes", "taxi_zones"), scrape, { recursive: true });
const yaml = join(scrape, "taxi_zones.yml");
const text = await readFile(yaml, "utf8");
await writeFile(yaml, text.replace(/mode: upsert\n\s+key: .*\n/, "mode: append\n"));
const kit = await openTestkit(scrape);
test.after(async () => {
  await kit.close();
  await rm(project, { recursive: true, force: true });
});

const zones = async (name: string, rows: string): Promise<string> => {
  const file = join(project, name);
  await writeFile(file, rows);
  return file;
};
const load = async (file: string, run?: string): Promise<(string | null | undefined)[]> =>
  (await kit.loadRows("taxi_zones", "load", file, run === undefined ? {} : { run })).map((row) => row.location_id);

test("two loads of a test are two runs, as two runs of production are", async () => {
  const header = "location_id,borough,zone,service_zone\n";
  await load(await zones("one.csv", `${header}1,,,\n2,,,\n`));
  assert.equal(await load(await zones("two.csv", `${header}1,,,\n2,,,\n3,,,\n`)), ["1", "1", "2", "2", "3"]);
});

test("loads of one `run` are one run that is run again: its rows take the place of those before", async () => {
  const header = "location_id,borough,zone,service_zone\n";
  await load(await zones("one.csv", `${header}11,,,\n`), "again");
  assert.equal(
    (await load(await zones("two.csv", `${header}12,,,\n13,,,\n`), "again")).filter((id) => Number(id) > 10),
    ["12", "13"],
  );
});

test("a test loads parquet and newline-delimited JSON as a run does", async () => {
  const file = join(project, "zones.parquet");
  const connection = await (await DuckDBInstance.create(":memory:", { threads: "1" })).connect();
  await connection.run(
    `COPY (SELECT 21 AS location_id, 'a' AS borough, NULL::VARCHAR AS zone, '' AS service_zone) TO ${duckdbText(file)} (FORMAT parquet)`,
  );
  connection.closeSync();
  assert.ok((await load(file)).includes("21"));
  assert.ok((await load(await zones("zones.ndjson", '{"location_id":22,"zone":"x"}\n'))).includes("22"));
  await rejects(load(await zones("zones.json", "{}")), /cannot load a json file/);
});

test.run();
