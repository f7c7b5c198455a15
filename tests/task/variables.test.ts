import { test } from "uvu";
import * as assert from "uvu/assert";
import { intervalOf, sliceValues, templateValues } from "../../src/task/variables.ts";

const now = new Date("2024-03-01T00:30:00Z");
const values = (run: Partial<Parameters<typeof templateValues>[0]>) =>
  templateValues({ interval: null, month: null, timezone: "UTC", params: {}, now, ...run });

test("the variables are those of the data interval's start, on the clock of the DAG's time zone", () => {
  const interval = { start: new Date("2023-12-31T23:30:00Z"), end: new Date("2024-01-31T23:30:00Z") };
  assert.equal(values({ interval }), { year: "2023", month: "12", day: "31", hour: "23", date: "2023-12-31" });
  assert.equal(values({ interval, timezone: "Europe/Berlin" }), { year: "2024", month: "01", day: "01", hour: "00", date: "2024-01-01" });
});

test("on a day without midnight, {date} is that day", () => {
  const interval = { start: new Date("2024-09-08T04:00:00Z"), end: new Date("2024-09-09T03:00:00Z") };
  assert.is(values({ interval, timezone: "America/Santiago" }).date, "2024-09-08");
});

test("a mapped month is that month of the DAG's time zone, and its interval reaches to the next, across a year's end", () => {
  const run = { month: "2023-12", data_interval: { start: "2020-01-01T00:00:00Z", end: "2020-01-02T00:00:00Z" } };
  const interval = intervalOf(run, "America/New_York");
  assert.equal(interval, { start: new Date("2023-12-01T05:00:00Z"), end: new Date("2024-01-01T05:00:00Z") });
  const found = values({ interval, month: "2023-12", timezone: "America/New_York" });
  assert.equal(found, { year: "2023", month: "12", day: "01", hour: "00", date: "2023-12-01" });
  assert.equal(intervalOf(run, "UTC"), { start: new Date("2023-12-01T00:00:00Z"), end: new Date("2024-01-01T00:00:00Z") });
});

test("a mapped month that begins without midnight begins when clocks are put forward, and is that month", () => {
  const timezone = "America/Asuncion";
  const interval = intervalOf({ month: "2000-10", data_interval: null }, timezone);
  assert.is(interval?.start.toISOString(), "2000-10-01T04:00:00.000Z");
  assert.is(sliceValues({ interval, month: "2000-10", timezone, params: {}, now }).hour, "00");
});

test("an hour that comes twice has two slices, and one name in the URL; other hours have the same name in both", () => {
  for (const [start, hour, slice, timezone] of [
    ["2023-11-05T04:00:00Z", "00", "00", "America/New_York"],
    ["2023-11-05T05:00:00Z", "01", "01", "America/New_York"],
    ["2023-11-05T06:00:00Z", "01", "01B", "America/New_York"],
    ["2023-11-05T07:00:00Z", "02", "02", "America/New_York"],
    ["2024-10-27T00:00:00Z", "02", "02", "Europe/Berlin"],
    ["2024-10-27T01:00:00Z", "02", "02B", "Europe/Berlin"],
    // Half an hour is put back: after 01:00 comes 01:30, which was before.
    ["2024-04-06T14:00:00Z", "01", "01", "Australia/Lord_Howe"],
    ["2024-04-06T15:00:00Z", "01", "01B", "Australia/Lord_Howe"],
    ["2024-04-06T15:30:00Z", "02", "02", "Australia/Lord_Howe"],
  ] as const) {
    const run = { interval: { start: new Date(start), end: now }, month: null, timezone, params: {}, now };
    assert.equal([templateValues(run).hour, sliceValues(run).hour], [hour, slice], `${start} ${timezone}`);
    assert.is(sliceValues({ ...run, params: { hour: "x" } }).hour, "x");
  }
});

test("a run on demand is for the moment that it was started", () => {
  assert.is(intervalOf({ month: null, data_interval: null }, "UTC"), null);
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
