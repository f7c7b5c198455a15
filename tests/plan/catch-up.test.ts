import { test } from "uvu";
import * as assert from "uvu/assert";
import { catchUp as dueRuns } from "../../src/plan/catch-up.ts";
import { instantOf, wallClock } from "../../src/time/zone.ts";

const daily = { schedule: "0 0 * * *", start_date: "2024-01-01", end_date: null, timezone: "UTC", catchup: true };

/** How many runs are due, and when the next one is. */
function catchUp(...given: Parameters<typeof dueRuns>): { runs: number; nextRun: string | null } {
  const { count, next } = dueRuns(...given);
  return { runs: count, nextRun: next === null ? null : new Date(next.end).toISOString() };
}

test("catch-up creates a run for each interval that has ended", () => {
  assert.equal(catchUp(daily, new Date("2024-01-04T12:00:00Z")), { runs: 3, nextRun: "2024-01-05T00:00:00.000Z" });
  assert.is(catchUp(daily, new Date("2024-01-04T00:00:00Z")).runs, 3);
  assert.is(catchUp(daily, new Date("2024-01-03T23:59:59Z")).runs, 2);
  assert.equal(catchUp(daily, new Date("2024-01-01T12:00:00Z")), { runs: 0, nextRun: "2024-01-02T00:00:00.000Z" });
});

test("a start between two times of the schedule waits for the next of them", () => {
  const weekly = { ...daily, schedule: "0 0 * * 0", start_date: "2024-01-01" };
  assert.equal(catchUp(weekly, new Date("2024-01-15T00:00:00Z")), { runs: 1, nextRun: "2024-01-21T00:00:00.000Z" });
});

test("without catch-up, only the last interval that has ended gets a run", () => {
  assert.equal(catchUp({ ...daily, catchup: false }, new Date("2024-03-01T12:00:00Z")), { runs: 1, nextRun: "2024-03-02T00:00:00.000Z" });
  assert.is(catchUp({ ...daily, catchup: false, start_date: "2024-03-01" }, new Date("2024-03-01T12:00:00Z")).runs, 0);
});

test("no interval begins before the start date or after the end date", () => {
  const ended = { ...daily, end_date: "2024-01-10" };
  assert.equal(catchUp(ended, new Date("2024-03-01T12:00:00Z")), { runs: 10, nextRun: null });
  assert.is(catchUp({ ...ended, catchup: false }, new Date("2024-03-01T12:00:00Z")).runs, 0);
  assert.equal(catchUp({ ...daily, start_date: "2025-01-01" }, new Date("2024-03-01T12:00:00Z")), {
    runs: 0,
    nextRun: "2025-01-02T00:00:00.000Z",
  });
});

test("a DAG that has run goes on from its last run, whatever its start date becomes", () => {
  const now = new Date("2024-03-01T12:00:00Z");
  const { last } = dueRuns(daily, now);
  assert.is(new Date(last?.end ?? 0).toISOString(), "2024-03-01T00:00:00.000Z");
  assert.is(catchUp({ ...daily, start_date: "2009-01-01" }, now, last).runs, 0);
  assert.is(catchUp({ ...daily, schedule: "0 * * * *" }, now, last).runs, 12);
});

test("a schedule that becomes coarser leaves out the interval that its last run lies in, since a run of a later date exists", () => {
  const now = new Date("2026-11-25T14:50:00Z");
  const hourly = { ...daily, schedule: "0 * * * *", start_date: "2026-10-01", catchup: false };
  const { last } = dueRuns(hourly, now);
  assert.equal(catchUp({ ...hourly, schedule: "0 0 * * *" }, now, last), { runs: 0, nextRun: "2026-11-27T00:00:00.000Z" });
});

test("days are those of the time zone", () => {
  const zone = { ...daily, timezone: "America/New_York" };
  assert.equal(catchUp(zone, new Date("2024-01-03T04:59:00Z")), { runs: 1, nextRun: "2024-01-03T05:00:00.000Z" });
  assert.equal(catchUp(zone, new Date("2024-01-03T05:00:00Z")), { runs: 2, nextRun: "2024-01-04T05:00:00.000Z" });
});

test("a change to summer time keeps a daily run, and takes an hourly one", () => {
  const zone = { ...daily, timezone: "Europe/Berlin", start_date: "2024-03-30" };
  const now = new Date("2024-03-31T22:00:00Z");
  assert.is(catchUp(zone, now).runs, 2);
  assert.is(catchUp({ ...zone, schedule: "0 * * * *" }, now).runs, 47);
  const autumn = { ...zone, start_date: "2024-10-26" };
  assert.is(catchUp(autumn, new Date("2024-10-27T23:00:00Z")).runs, 2);
  assert.is(catchUp({ ...autumn, schedule: "0 * * * *" }, new Date("2024-10-27T23:00:00Z")).runs, 49);
});

test("the wall clock and moments lead back to each other, in spring's gap forward", () => {
  for (const iso of [
    "2024-03-31T00:59:00Z",
    "2024-03-31T01:00:00Z",
    "2024-07-01T12:00:00Z",
    "2024-10-27T00:30:00Z",
    "2024-10-27T01:30:00Z",
  ]) {
    const wall = wallClock(Date.parse(iso), "Europe/Berlin");
    assert.is(wallClock(instantOf(wall, "Europe/Berlin"), "Europe/Berlin"), wall);
  }
  assert.is(new Date(instantOf(Date.parse("2024-03-31T02:30:00Z"), "Europe/Berlin")).toISOString(), "2024-03-31T01:30:00.000Z");
});

test("every minute since 2009 is counted at once", () => {
  const start = performance.now();
  const { runs } = catchUp({ ...daily, schedule: "* * * * *", start_date: "2009-01-01" }, new Date("2024-01-01T00:00:00Z"));
  assert.is(runs, 5478 * 1440);
  assert.ok(performance.now() - start < 200);
});

test("a DAG on demand or on assets is never due by the clock", () => {
  assert.equal(catchUp({ ...daily, schedule: null }, new Date()), { runs: 0, nextRun: null });
  assert.equal(catchUp({ ...daily, schedule: ["trips"] }, new Date()), { runs: 0, nextRun: null });
});

test.run();
