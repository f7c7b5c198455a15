import { join } from "node:path";
import { openTestkit, readCsv, thrownBy } from "dagline/testkit";
import { test } from "uvu";
import * as assert from "uvu/assert";

// Reads this folder's YAML and configuration, and runs its functions as the task runner would.
const kit = await openTestkit(import.meta.dirname);
test.after(() => kit.close());

const url = "https://api.example.com/v1/measurements?date=2024-01-31";
const fixture = join(import.meta.dirname, "fixtures", "measurements.json");

test("extract fetches the day of the run", async () => {
  await kit.runExtract("_template", "extract", { date: "2024-01-31", serve: { [url]: "measurements.json" } });
});

test("extract skips a day that is not published yet", async () => {
  const error = await thrownBy(kit.runExtract("_template", "extract", { date: "2024-01-31", serve: { [url]: 404 } }));
  assert.is(error.name, "Skip");
});

test("transform gives one row for each measurement", async () => {
  const rows = await readCsv(await kit.runTransform("_template", "transform", fixture));
  assert.equal(rows[0], { station_id: "1", station_name: "Harbour", measured_at: "2024-01-31T23:00:00Z", temperature_celsius: "3.4" });
  assert.is(rows[1]?.temperature_celsius, null);
});

test("load brings the rows to PostgreSQL, and the same day again changes nothing", async () => {
  const csv = await kit.runTransform("_template", "transform", fixture);
  const rows = await kit.loadRows("_template", "load", csv, { date: "2024-01-31" });
  assert.equal(rows[1], {
    station_id: "2",
    station_name: 'Hill, "North"',
    measured_at: "2024-01-31 23:00:00+00",
    temperature_celsius: null,
  });
  assert.equal(await kit.loadRows("_template", "load", csv, { date: "2024-01-31" }), rows);
});

test.run();
