import { test } from "uvu";
import * as assert from "uvu/assert";
import { literal, zoneQuery } from "./helpers.ts";

const config = { columns: { location_id: ["LocationID", "location_id"], zone: ["Zone", "zone"] } };

test("published names become the table's", () => {
  assert.is(zoneQuery(["Zone", "LocationID"], config), 'SELECT "LocationID" AS "location_id", "Zone" AS "zone" FROM published');
  assert.is(zoneQuery(["location_id", "zone"], config), 'SELECT "location_id" AS "location_id", "zone" AS "zone" FROM published');
});

test("a column that is gone is named, with what is there", () => {
  assert.throws(() => zoneQuery(["Id", "Zone"], config), "no column LocationID or location_id. Its columns: Id, Zone");
});

test("a quote in a path stays text", () => {
  assert.is(literal("/data/o'hare.csv"), "'/data/o''hare.csv'");
});

test.run();
