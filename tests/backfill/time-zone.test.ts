import { test } from "uvu";
import * as assert from "uvu/assert";
import { boundsOf, periodsOf } from "../../src/backfill/range.ts";
import { planText } from "../../src/backfill/table.ts";
import { templateValues } from "../../src/task/variables.ts";
import { rejects } from "../rejects.ts";
import { backfillOf, FakeAirflow, fakeHost, scheduleDaily } from "./fake-host.ts";

let airflow: FakeAirflow;
let host: ReturnType<typeof fakeHost>;

test.before.each(() => {
  airflow = new FakeAirflow();
  airflow.now = new Date("2024-12-01T12:00:00Z");
  host = fakeHost(airflow, { timezone: "America/Santiago" });
});
test.after.each(() => host.remove());

const dates = (): (string | undefined)[] => airflow.stored.map(({ logicalDate }) => logicalDate?.toISOString());

test("the days of a DAG on demand are those of the time zone in its release", async () => {
  const { plan } = await backfillOf(airflow, host.commands, { from: "2024-09-10", to: "2024-09-12" });
  assert.equal(dates(), ["2024-09-10T03:00:00.000Z", "2024-09-11T03:00:00.000Z", "2024-09-12T03:00:00.000Z"]);
  assert.equal(
    airflow.stored.map(({ id }) => id),
    ["10", "11", "12"].map((day) => `dagline_backfill__2024-09-${day}`),
  );
  assert.match(planText(plan), /^demo: 3 runs to create, .* \(time zone America\/Santiago\)$/m);
});

test("a range of a DAG with a schedule is read in the time zone of its release, and its runs are shown in it", async () => {
  scheduleDaily(airflow, 0);
  airflow.schedule = [new Date("2024-09-10T02:00:00Z"), new Date("2024-09-11T02:00:00Z"), new Date("2024-09-12T02:00:00Z")];
  const { plan } = await backfillOf(airflow, host.commands, { from: "2024-09-10", to: "2024-09-10" }, { start: false });
  assert.equal(
    plan.runs.map(({ period }) => period),
    ["2024-09-11T02:00:00.000Z"],
  );
  assert.match(planText(plan), /2024-09-11T02:00:00.000Z {2}2024-09-10T23:00-03:00 +create/);
});

for (const [timezone, day, starts] of [
  ["America/Santiago", "2024-09-08", "2024-09-08T04:00:00.000Z"],
  ["America/Havana", "2024-03-10", "2024-03-10T05:00:00.000Z"],
  ["America/Asuncion", "2024-10-06", "2024-10-06T04:00:00.000Z"],
  ["America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00.000Z"],
  ["Atlantic/Azores", "2024-03-31", "2024-03-31T01:00:00.000Z"],
  ["Asia/Beirut", "2024-03-31", "2024-03-30T22:00:00.000Z"],
] as const) {
  test(`the day without midnight in ${timezone} begins when clocks are put forward, ends with the day before, and is {date}`, () => {
    const [before, own] = periodsOf({ from: eveOf(day), to: day, every: "day" }, timezone, 2);
    assert.equal([before?.end.toISOString(), own?.start.toISOString(), own?.name], [starts, starts, day]);
    const interval = { start: new Date(starts), end: own?.end ?? new Date() };
    assert.is(templateValues({ interval, month: null, timezone, params: {}, now: new Date() }).date, day);
  });
}

test("a month whose first day has no midnight begins when clocks are put forward", () => {
  const [month] = periodsOf({ from: "2000-10", to: "2000-10", every: null }, "America/Asuncion", 1);
  assert.equal([month?.name, month?.start.toISOString()], ["2000-10", "2000-10-01T04:00:00.000Z"]);
});

test("a time that comes twice counts both times, at the start and at the end of a range", () => {
  const { from, to } = boundsOf({ from: "2023-11-05T01:00", to: "2023-11-05T01:00" }, "America/New_York");
  assert.equal([from.toISOString(), to.toISOString()], ["2023-11-05T05:00:00.000Z", "2023-11-05T06:00:00.000Z"]);
});

test("a range from a time that clocks skip begins when they are put forward", () => {
  const { from } = boundsOf({ from: "2024-03-10T02:30", to: "2024-03-10" }, "America/New_York");
  assert.is(from.toISOString(), "2024-03-10T07:00:00.000Z");
});

test("a day that the zone skipped is left out, and the plan says so", async () => {
  host.remove();
  host = fakeHost(airflow, { timezone: "Pacific/Apia" });
  airflow.facts = { ...airflow.facts, start: null };
  const { plan } = await backfillOf(airflow, host.commands, { from: "2011-12-29", to: "2011-12-31" });
  assert.equal(dates(), ["2011-12-29T10:00:00.000Z", "2011-12-30T10:00:00.000Z"]);
  assert.equal(plan.notes, ["2011-12-30 is not a day in Pacific/Apia: its clocks skipped it"]);
});

test("the DAG's start_date is shown as a day of its time zone", async () => {
  airflow.facts = { ...airflow.facts, start: new Date("2024-09-11T02:00:00Z") };
  const { plan } = await backfillOf(airflow, host.commands, { from: "2024-09-10", to: "2024-09-12" }, { start: false });
  assert.equal(plan.notes, ["1 of the range are before the DAG's start_date (2024-09-10)"]);
});

test("a run that was made for the same day of another time zone stays, and the day has a run of its own", async () => {
  airflow.add({ id: "dagline_backfill__2024-09-10", logicalDate: new Date("2024-09-10T00:00:00Z") });
  const { plan, outcome } = await backfillOf(airflow, host.commands, { from: "2024-09-10", to: "2024-09-10" });
  assert.is(outcome, "success");
  assert.equal(
    airflow.stored.map(({ id }) => id),
    ["dagline_backfill__2024-09-10", "dagline_backfill__2024-09-10_2024-09-10T03:00Z"],
  );
  assert.equal(plan.notes, ["1 of the range had a run in another time zone, which stays: dagline_backfill__2024-09-10"]);
  assert.is((await backfillOf(airflow, host.commands, { from: "2024-09-10", to: "2024-09-10" })).outcome, "nothing");
});

test("a DAG that Airflow does not serve from a release of this host is refused, since nobody knows its time zone", async () => {
  airflow.facts = { ...airflow.facts, release: null };
  await rejects(backfillOf(airflow, host.commands), /^the time zone of demo is not known: Airflow does not serve it from a release$/);
  airflow.facts = { ...airflow.facts, release: "3".repeat(64) };
  await rejects(backfillOf(airflow, host.commands), /release 333333333333 on this host has no spec of it$/);
});

function eveOf(day: string): string {
  return new Date(Date.parse(day) - 86_400_000).toISOString().slice(0, 10);
}

test.run();
