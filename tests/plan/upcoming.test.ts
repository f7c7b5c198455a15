import { test } from "uvu";
import * as assert from "uvu/assert";
import { makePlan } from "../../src/plan/make-plan.ts";
import { planText } from "../../src/plan/report.ts";
import { makeDag } from "../release/make-dags.ts";
import { makeContents, now, planOf } from "./make-contents.ts";

const daily = { schedule: { kind: "cron", expression: "0 0 * * *" }, catchup: true } as const;

test("a new DAG catches up from its start date, and the plan says how many runs that is", () => {
  const plan = planOf([], [makeDag({ ...daily, startDate: "2009-01-01", maxActiveRuns: 4 })]);
  const [one] = plan.upcoming;
  assert.equal([one?.trigger, one?.schedule, one?.runsAtOnce, one?.runsIfNew], ["cron", "@daily", 5552, 5552]);
  assert.is(one?.nextRun, "2024-03-16T00:00:00.000Z");
  assert.match(planText(plan), /rows: 5,552 runs, 4 at a time; next run 2024-03-16T00:00:00\.000Z/);
});

test("a schedule in another time zone than UTC names it", () => {
  const [one] = planOf([], [makeDag({ ...daily, timezone: "America/Santiago" })]).upcoming;
  assert.equal([one?.schedule, one?.nextRun], ["@daily America/Santiago", "2024-03-16T03:00:00.000Z"]);
});

test("a DAG that was there goes on from its last run; what it would be without any is said beside it", () => {
  const [one] = planOf(
    [makeDag(daily)],
    [makeDag({ ...daily, startDate: "2009-01-01", schedule: { kind: "cron", expression: "0 * * * *" } })],
  ).upcoming;
  assert.equal([one?.rescheduled, one?.runsAtOnce], [true, 12]);
  assert.is(one?.runsIfNew, 5552 * 24 + 12);
});

test("the time that a new schedule leaves out is said, and the time that it covers twice", () => {
  const hourly = { ...daily, catchup: false, schedule: { kind: "cron", expression: "0 * * * *" } } as const;
  const coarser = planOf([makeDag(hourly)], [makeDag({ ...daily, catchup: false })]);
  assert.equal(coarser.upcoming[0]?.uncovered, { from: "2024-03-15T12:00:00.000Z", to: "2024-03-16T00:00:00.000Z" });
  assert.is(coarser.upcoming[0]?.nextRun, "2024-03-17T00:00:00.000Z");
  assert.match(planText(coarser), /no run covers 2024-03-15 12:00 to 2024-03-16 00:00 UTC/);
  const later = planOf([makeDag(daily)], [makeDag({ ...daily, schedule: { kind: "cron", expression: "0 9 * * *" } })]);
  assert.equal(later.upcoming[0]?.coveredTwice, { from: "2024-03-14T09:00:00.000Z", to: "2024-03-15T00:00:00.000Z" });
  assert.match(planText(later), /the next run covers 2024-03-14 09:00 to 2024-03-15 00:00 UTC again/);
});

test("a DAG that had ended goes on from the last run before its end, with and without catch-up", () => {
  const ended = { ...daily, endDate: "2024-03-01" } as const;
  const [one] = planOf([makeDag({ ...ended, catchup: false })], [makeDag({ ...daily, catchup: false })]).upcoming;
  assert.equal([one?.runsAtOnce, one?.uncovered], [1, { from: "2024-03-02T00:00:00.000Z", to: "2024-03-14T00:00:00.000Z" }]);
  const [all] = planOf([makeDag(ended)], [makeDag(daily)]).upcoming;
  assert.equal([all?.runsAtOnce, all?.uncovered], [13, null]);
});

test("of a schedule that is refused by now, no runs are foretold", () => {
  const plan = planOf([makeDag(daily)], [makeDag({ ...daily, schedule: { kind: "cron", expression: "0 0 */1 * 5" } })]);
  const [one] = plan.upcoming;
  assert.equal([one?.trigger, one?.rescheduled, one?.runsAtOnce, one?.nextRun], ["unknown", true, 0, null]);
  assert.match(planText(plan), /rows: unknown/);
});

test("a DAG that keeps its schedule starts nothing at once", () => {
  const [one] = planOf([makeDag(daily)], [makeDag({ ...daily, retries: 5 })]).upcoming;
  assert.equal([one?.rescheduled, one?.runsAtOnce, one?.nextRun], [false, 0, "2024-03-16T00:00:00.000Z"]);
});

test("a DAG on demand that gets a schedule has never run by it", () => {
  const [one] = planOf([makeDag()], [makeDag(daily)]).upcoming;
  assert.equal([one?.rescheduled, one?.runsAtOnce], [true, 74]);
});

test("DAGs on demand and on assets say so", () => {
  const plan = planOf([], [makeDag({ id: "a" }), makeDag({ id: "b", schedule: { kind: "assets", tables: ["trips"] } })]);
  assert.equal(
    plan.upcoming.map(({ trigger, schedule, runsAtOnce }) => [trigger, schedule, runsAtOnce]),
    [
      ["on demand", null, 0],
      ["assets", "trips", 0],
    ],
  );
});

test("of a DAG whose old definition is unknown, no runs are foretold", () => {
  const [one] = makePlan(makeContents([makeDag(daily)], { definitions: false }), makeContents([makeDag(daily)]), { now }).upcoming;
  assert.equal([one?.rescheduled, one?.runsAtOnce, one?.inFlight], [false, 0, null]);
});

test.run();
