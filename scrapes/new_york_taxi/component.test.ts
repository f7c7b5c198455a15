import { join } from "node:path";
import { openTestkit, readCsv, readParquet, thrownBy } from "dagline/testkit";
import { test } from "uvu";
import * as assert from "uvu/assert";
import config from "./config/config.json" with { type: "json" };

const kit = await openTestkit(import.meta.dirname);
test.after(() => kit.close());

const urlOf = (file: string) => `https://d37ci6vzurychx.cloudfront.net/trip-data/${file}`;
const fixture = (file: string) => join(import.meta.dirname, "fixtures", file);
const zones = new Map(config.zones.map((zone) => [String(zone.location_id), zone.zone]));
const transform = (taxi: string, month: string) =>
  kit.runTransform("new_york_taxi", `transform_${taxi}`, fixture(`${taxi}_tripdata_${month}.parquet`));

test("extract fetches the month in which the data interval begins", async () => {
  const serve = { [urlOf("green_tripdata_2023-01.parquet")]: "green_tripdata_2023-01.parquet" };
  const file = await kit.runExtract("new_york_taxi", "extract_green", { month: "2023-01", serve });
  assert.is((await readParquet(file)).length, 40);
});

for (const status of [403, 404]) {
  test(`extract skips a month that the origin answers with ${status}`, async () => {
    const serve = { [urlOf("yellow_tripdata_2023-12.parquet")]: status };
    const error = await thrownBy(kit.runExtract("new_york_taxi_historical", "extract_yellow", { month: "2023-12", serve }));
    assert.is(error.name, "Skip");
  });
}

for (const [taxi, month] of [
  ["yellow", "2009-01"],
  ["green", "2023-01"],
  ["yellow", "2023-02"],
  ["yellow", "2025-01"],
] as const) {
  test(`transform keeps every ${taxi} trip of ${month}, with its amounts and the zones of both its ends`, async () => {
    const published = await readParquet(fixture(`${taxi}_tripdata_${month}.parquet`));
    const rows = await readCsv(await transform(taxi, month));
    assert.is(rows.length, published.length);
    const totals = published.map((trip) => Number(trip.total_amount ?? trip.Total_Amt).toFixed(2));
    assert.equal(rows.map((row) => row.total_amount).sort(), totals.sort());
    for (const row of rows) {
      assert.is(row.taxi_type, taxi);
      for (const end of ["pickup", "dropoff"]) {
        const id = row[`${end}_location_id`];
        assert.is(id === null, month === "2009-01");
        assert.is(row[`${end}_zone`] ?? undefined, zones.get(id ?? ""));
      }
    }
  });
}

test("transform keeps what is missing as null", async () => {
  const rows = await readCsv(await transform("green", "2023-01"));
  const published = await readParquet(fixture("green_tripdata_2023-01.parquet"));
  const lacking = published.filter((trip) => trip.RatecodeID === null).length;
  assert.ok(lacking > 0);
  assert.is(rows.filter((row) => row.rate_code_id === null).length, lacking);
  assert.ok(rows.every((row) => row.airport_fee === null && row.cbd_congestion_fee === null));
});

test("load fills the table, and a month that both DAGs load is there once", async () => {
  const green = await transform("green", "2023-01");
  const yellow = await transform("yellow", "2025-01");
  await kit.loadRows("new_york_taxi", "load_green", green, { month: "2023-01" });
  assert.is((await kit.loadRows("new_york_taxi", "load_yellow", yellow, { month: "2025-01" })).length, 80);
  const rows = await kit.loadRows("new_york_taxi_historical", "load_green", green, { month: "2023-01" });
  assert.is(rows.length, 80);
  assert.is(rows.filter((row) => row.taxi_type === "green").length, 40);
});

test.run();
