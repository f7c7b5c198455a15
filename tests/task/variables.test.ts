import { test } from "uvu";
import * as assert from "uvu/assert";
import { intervalOf, templateValues } from "../../src/task/variables.ts";

const now = new Date("2024-03-01T00:30:00Z");
const values = (run: Partial<Parameters<typeof templateValues>[0]>) =>
  templateValues({ interval: null, month: null, timezone: "UTC", params: {}, now, ...run });

test("the variables are those of the data interval's start, on the clock of the DAG's time zone", () => {
  const interval = { start: new Date("2023-12-31T23:30:00Z"), end: new Date("2024-01-31T23:30:00Z") };
  assert.equal(values({ interval }), { year: "2023", month: "12", day: "31", hour: "23", date: "2023-12-31" });
  assert.equal(values({ interval, timezone: "Europe/Berlin" }), { year: "2024", month: "01", day: "01", hour: "00", date: "2024-01-01" });
});

test("a mapped month is that month in every time zone, and its interval reaches to the next, across a year's end", () => {
  const interval = intervalOf({ month: "2023-12", data_interval: { start: "2020-01-01T00:00:00Z", end: "2020-01-02T00:00:00Z" } });
  assert.equal(interval, { start: new Date("2023-12-01T00:00:00Z"), end: new Date("2024-01-01T00:00:00Z") });
  assert.is(values({ interval, month: "2023-12", timezone: "America/New_York" }).date, "2023-12-01");
});

test("a run on demand is for the moment that it was started", () => {
  assert.is(intervalOf({ month: null, data_interval: null }), null);
  assert.is(values({}).date, "2024-03-01");
  assert.is(values({ timezone: "America/New_York" }).date, "2024-02-29");
});

test("params are variables where they are plain values, and win over the time", () => {
  const found = values({ params: { kind: "green", page: 2, deep: { a: 1 }, list: [1], none: null, year: 1999 } });
  assert.is(found.kind, "green");
  assert.is(found.page, 2);
  assert.is(found.year, 1999);
  assert.not.ok("deep" in found || "list" in found || "none" in found);
});

test.run();
