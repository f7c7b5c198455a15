import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { openTestkit, type Row, readParquet } from "dagline/testkit";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { root } from "../../local/paths.ts";
import { writeTlcMonth } from "../../local/tlc-data.ts";

const kit = await openTestkit(join(root, "scrapes", "new_york_taxi"));
const temp = await mkdtemp(join(tmpdir(), "dagline-taxi-"));
test.after(async () => {
  await kit.close();
  await rm(temp, { recursive: true, force: true });
});

/** One real month, where this checkout has it beside itself. Elsewhere the made-up months below stand for it. */
const real = join(root, "..", "shared", "data", "tlc", "green_tripdata_2023-01.parquet");

if (existsSync(real)) {
  test("the real green January 2023: every row, to the cent, and loading it again changes nothing", async () => {
    const csv = await kit.runTransform("new_york_taxi", "transform_green", real);
    const rows = await kit.loadRows("new_york_taxi", "load_green", csv, { month: "2023-01" });
    assert.is(rows.length, 68_211);
    assert.is(cents(rows, "total_amount"), 148_627_522n);
    assert.is(rows.filter((row) => row.rate_code_id === null).length, 4_324);
    assert.equal(pairs(rows), await publishedPairs(real));
    const again = await kit.load("new_york_taxi", "load_green", csv, { month: "2023-01" });
    assert.is(again.unchanged, true);
    assert.is(digest(await kit.rows("new_york_taxi")), digest(rows));
  });
}

const months = [
  ["yellow", 2009, 12],
  ["yellow", 2010, 6],
  ["yellow", 2018, 12],
  ["green", 2019, 1],
  ["yellow", 2023, 1],
  ["green", 2023, 2],
  ["yellow", 2025, 12],
  ["green", 2026, 1],
] as const;
for (const [taxiType, year, month] of months) {
  test(`the columns of ${taxiType} ${year}-${month} become the table's, every row, to the cent`, async () => {
    const file = join(temp, `${taxiType}-${year}-${month}.parquet`);
    await writeTlcMonth({ taxiType, year, month, rows: 2_000, seed: 7 }, file);
    const csv = await kit.runTransform("new_york_taxi", `transform_${taxiType}`, file);
    const text = `${year}-${String(month).padStart(2, "0")}`;
    const { loadId } = await kit.load("new_york_taxi_historical", `load_${taxiType}`, csv, { month: text });
    const rows = await kit.rows("new_york_taxi", loadId);
    assert.is(rows.length, 2_000);
    const published = await readParquet(file);
    const expected = published.reduce((sum, trip) => sum + BigInt(Math.round(Number(trip.total_amount ?? trip.Total_Amt) * 100)), 0n);
    assert.is(cents(rows, "total_amount"), expected);
    const lacking = published.filter((trip) => (trip.RatecodeID ?? trip.rate_code ?? trip.Rate_Code ?? null) === null).length;
    assert.is(rows.filter((row) => row.rate_code_id === null).length, lacking);
  });
}

test("NaN and infinity become nulls, not text", async () => {
  const file = join(temp, "strays.parquet");
  await duckdb(`COPY (SELECT * REPLACE (
      CASE WHEN trip_distance > 2 THEN 'NaN'::DOUBLE ELSE 'Infinity'::DOUBLE END AS trip_distance,
      'NaN'::DOUBLE AS passenger_count)
    FROM '${join(root, "scrapes/new_york_taxi/fixtures/green_tripdata_2023-01.parquet")}') TO '${file}' (FORMAT parquet)`);
  const csv = await kit.runTransform("new_york_taxi", "transform_green", file);
  assert.not.match(await readFile(csv, "utf8"), /nan|inf/i);
});

test("a zone of which the configuration knows nothing costs no trip", async () => {
  const file = join(temp, "unknown-zone.parquet");
  await duckdb(`COPY (SELECT * REPLACE (999 AS "PULocationID")
    FROM '${join(root, "scrapes/new_york_taxi/fixtures/green_tripdata_2023-01.parquet")}') TO '${file}' (FORMAT parquet)`);
  const csv = await kit.runTransform("new_york_taxi", "transform_green", file);
  const { loadId } = await kit.load("new_york_taxi", "load_green", csv, { month: "2031-01" });
  const rows = await kit.rows("new_york_taxi", loadId);
  assert.is(rows.length, 40);
  assert.ok(rows.every((row) => row.pickup_location_id === "999" && row.pickup_zone === null && row.dropoff_zone !== null));
});

function digest(rows: readonly Row[]): string {
  return createHash("sha256").update(JSON.stringify(rows)).digest("hex");
}

function cents(rows: readonly Row[], column: string): bigint {
  return rows.reduce((sum, row) => sum + BigInt((row[column] ?? "0").replace(".", "")), 0n);
}

/** How many trips there are from each zone to each other, as the table says it. */
function pairs(rows: readonly Row[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const row of rows) {
    const key = [
      row.pickup_location_id,
      row.pickup_borough,
      row.pickup_zone,
      row.dropoff_location_id,
      row.dropoff_borough,
      row.dropoff_zone,
    ].join("|");
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The same, straight from the published file and the published lookup table beside it. */
async function publishedPairs(file: string): Promise<Record<string, number>> {
  const zones = join(file, "..", "taxi_zone_lookup.csv");
  const found = await duckdb(`
    WITH zone AS (SELECT * FROM read_csv('${zones}', all_varchar = true))
    SELECT concat_ws('|', "PULocationID", p.borough, p.zone, "DOLocationID", d.borough, d.zone) AS key, count(*)::INTEGER AS trips
    FROM '${file}' AS t, zone AS p, zone AS d
    WHERE p.location_id = t."PULocationID"::VARCHAR AND d.location_id = t."DOLocationID"::VARCHAR
    GROUP BY 1`);
  const sorted = found.map((row): [string, number] => [String(row.key), Number(row.trips)]).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted);
}

async function duckdb(sql: string): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    return (await connection.runAndReadAll(sql)).getRowObjectsJson();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

test.run();
