import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Config, literal, tripQuery } from "./helpers.ts";

const config: Config = { zones: [], vendors: { CMT: 1 }, payment_types: { "NO CHARGE": 3 } };

const doubles = (...names: string[]) => names.map((name) => ({ name, type: "DOUBLE" }));
const amounts = doubles("fare_amount", "extra", "mta_tax", "tip_amount", "tolls_amount", "total_amount");
const everyYear = [
  ...doubles("VendorID", "RatecodeID", "passenger_count", "trip_distance", "payment_type", "store_and_fwd_flag"),
  ...amounts,
];
const times = ["pickup", "dropoff"].map((end) => ({ name: `tpep_${end}_datetime`, type: "TIMESTAMP" }));
const zones = ["PULocationID", "DOLocationID"].map((name) => ({ name, type: "BIGINT" }));
const yellow = [...everyYear, ...times, ...zones];

test("a column is found in any case", () => {
  for (const name of ["airport_fee", "Airport_fee"]) {
    const { sql, ignored } = tripQuery([...yellow, ...doubles(name)], "yellow", config);
    assert.match(sql, `CASE WHEN isfinite("${name}") THEN "${name}" END AS DECIMAL(18, 2)) AS airport_fee`);
    assert.equal(ignored, []);
  }
});

test("a column that some months do not have is null in them", () => {
  const { sql } = tripQuery(yellow, "yellow", config);
  for (const name of ["ehail_fee", "trip_type", "airport_fee", "congestion_surcharge", "cbd_congestion_fee"]) {
    assert.match(sql, `NULL AS ${name}`);
  }
});

test("a column that every month has must be there", () => {
  const without = yellow.filter((column) => column.name !== "total_amount");
  assert.throws(() => tripQuery(without, "yellow", config), /no column for total_amount .* Its columns: VendorID, /);
});

test("a file without zones is taken only where it has coordinates instead", () => {
  const without = yellow.filter((column) => column.name !== "PULocationID");
  assert.throws(() => tripQuery(without, "yellow", config), /no column for pickup_location_id/);
  const { sql, ignored } = tripQuery([...without, ...doubles("Start_Lon", "Start_Lat")], "yellow", config);
  assert.match(sql, "NULL AS pickup_location_id");
  assert.equal(ignored, ["Start_Lon", "Start_Lat"]);
});

test("a column that nobody knows yet is named, not loaded", () => {
  assert.equal(tripQuery([...yellow, ...doubles("moon_fee")], "yellow", config).ignored, ["moon_fee"]);
});

test("words of the first years become the codes of the configuration", () => {
  const columns = yellow.map((column) => (column.name === "payment_type" ? { ...column, type: "VARCHAR" } : column));
  const { sql } = tripQuery(columns, "yellow", config);
  assert.match(sql, `CASE upper(nullif(trim("payment_type"), '')) WHEN 'NO CHARGE' THEN 3 ELSE CAST(`);
});

test("each end of a trip is joined with its own zone", () => {
  const { sql } = tripQuery(yellow, "yellow", config);
  assert.match(sql, "LEFT JOIN zones AS pickup ON pickup.location_id = trip.pickup_location_id");
  assert.match(sql, "LEFT JOIN zones AS dropoff ON dropoff.location_id = trip.dropoff_location_id");
});

test("quotes in names and texts stay text", () => {
  assert.is(literal("Governor's Island"), "'Governor''s Island'");
  const { sql } = tripQuery([...yellow, { name: "ehail_fee", type: "DOUBLE" }], "it's", config);
  assert.match(sql, "'it''s' AS taxi_type");
});

test.run();
