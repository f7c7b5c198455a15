import { test } from "uvu";
import * as assert from "uvu/assert";
import { literal, measurementQuery } from "./helpers.ts";

test("each column is read from its place in the JSON", () => {
  const query = measurementQuery("day.json", { columns: { station_id: "station.id" } });
  assert.is(query, `SELECT json ->> '$.station.id' AS "station_id" FROM read_json_objects('day.json', format = 'array')`);
});

test("a quote stays text", () => {
  assert.is(literal("o'clock"), "'o''clock'");
});

test.run();
