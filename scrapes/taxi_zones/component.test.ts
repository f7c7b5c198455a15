import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { openTestkit, readCsv, thrownBy } from "dagline/testkit";
import { test } from "uvu";
import * as assert from "uvu/assert";

const kit = await openTestkit(import.meta.dirname);
test.after(() => kit.close());

const url = "https://d37ci6vzurychx.cloudfront.net/misc/taxi_zone_lookup.csv";
const fixture = (name: string) => join(import.meta.dirname, "fixtures", name);

test("extract keeps the file as it was published", async () => {
  const file = await kit.runExtract("taxi_zones", "extract", { serve: { [url]: "taxi_zone_lookup.csv" } });
  assert.is(await readFile(file, "utf8"), await readFile(fixture("taxi_zone_lookup.csv"), "utf8"));
});

test("extract skips while there is no file", async () => {
  const error = await thrownBy(kit.runExtract("taxi_zones", "extract", { serve: { [url]: 404 } }));
  assert.is(error.name, "Skip");
});

test("transform gives the columns the table's names and keeps every text", async () => {
  const rows = await readCsv(await kit.runTransform("taxi_zones", "transform", fixture("taxi_zone_lookup.csv")));
  assert.is(rows.length, 5);
  assert.equal(rows[4], { location_id: "265", borough: "N/A", zone: "Outside of NYC", service_zone: "N/A" });
});

test("transform accepts a file whose columns have the table's names already", async () => {
  const rows = await readCsv(await kit.runTransform("taxi_zones", "transform", fixture("renamed_columns.csv")));
  assert.is(rows[1]?.zone, 'JFK Airport, Terminal "5"');
});

test("transform keeps a row that begins with #, and tells an empty text from a value that is missing", async () => {
  const rows = await readCsv(await kit.runTransform("taxi_zones", "transform", fixture("odd_rows.csv")));
  assert.equal(
    rows.map(({ location_id, service_zone }) => [location_id, service_zone]),
    [
      ["1", ""],
      ["#2", null],
      ["3", "Boro Zone"],
    ],
  );
});

test("load merges by location_id: a changed zone is updated, the others stay", async () => {
  const load = async (name: string) => kit.loadRows("taxi_zones", "load", await kit.runTransform("taxi_zones", "transform", fixture(name)));
  assert.is((await load("taxi_zone_lookup.csv")).length, 5);
  const rows = await load("renamed_columns.csv");
  assert.equal(
    rows.map((row) => [row.location_id, row.zone]),
    [
      ["1", "Newark Airport"],
      ["103", "Governor's Island/Ellis Island/Liberty Island"],
      ["132", 'JFK Airport, Terminal "5"'],
      ["264", "N/A"],
      ["265", "Outside of NYC"],
    ],
  );
});

test.run();
