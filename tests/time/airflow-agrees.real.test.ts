import { test } from "uvu";
import * as assert from "uvu/assert";
import type { JsonValue } from "../../src/scrape/model.ts";
import { paramError } from "../../src/scrape/param/param-error.ts";
import { readPattern } from "../../src/scrape/param/python-pattern.ts";
import { type CronTimetable, dueRuns, nextScheduled, previousScheduled } from "../../src/time/data-intervals.ts";
import { type AirflowAnswers, askAirflow, type Interval, type RunsCase } from "./ask-airflow.ts";
import { seeded } from "./random.ts";
import { randomParams } from "./random-params.ts";
import { cronOf, randomRuns, randomTimes } from "./random-runs.ts";

/*
 * Random schedules, zones, moments and params, the same ones in each run, given to us and to the installed Airflow: its croniter, its
 * CronDataIntervalTimetable as a rendered DAG writes it, its Param. What is accepted must agree in each case. The counts are printed.
 */

const random = seeded(20261125);
const { times, refused } = randomTimes(random, 1000);
const since = { zone: "UTC", earliest: Date.parse("2026-10-01"), latest: null, now: Date.parse("2026-11-25T14:50Z") };
const fixed: RunsCase[] = [
  { ...since, expression: "0 6 * * SAT-SUN", catchup: true, last: null },
  { ...since, expression: "0 0 * * *", catchup: false, last: [Date.parse("2026-11-25T13:00Z"), Date.parse("2026-11-25T14:00Z")] },
];
const runs = [...fixed, ...randomRuns(random, times)];
const specs = randomParams(random, 1200);
const params = specs.filter(({ schema: { pattern } }) => typeof pattern !== "string" || "source" in readPattern(pattern));
let answers: AirflowAnswers;

test.before(async () => {
  answers = await askAirflow({ times, runs, params });
});

test("the times of every accepted expression are Airflow's, in every zone and around changes of the clocks", () => {
  const wrong = times.flatMap(({ expression, zone, moments }, index) => {
    const timetable = { cron: cronOf(expression), zone };
    const ours = { times: moments.map((moment): Interval => [previousScheduled(timetable, moment), nextScheduled(timetable, moment)]) };
    return JSON.stringify(ours) === JSON.stringify(answers.times[index])
      ? []
      : [{ expression, zone, moments, ours, airflow: answers.times[index] }];
  });
  assert.equal(wrong, []);
  console.log(`  ${times.length} expressions agree at ${times.length * 3} moments; ${refused.length} were refused`);
});

test("the runs at once and the next run are Airflow's, with and without catch-up, after a run of the same or of another schedule", () => {
  let [failing, due, changed] = [0, 0, 0];
  const wrong = runs.flatMap((given, index) => {
    const airflow = answers.runs[index];
    if (airflow === undefined || "fails" in airflow) {
      failing++;
      return [];
    }
    const timetable: CronTimetable = { cron: cronOf(given.expression), zone: given.zone };
    const found = dueRuns(timetable, given, given.last && { start: given.last[0], end: given.last[1] }, given.now);
    const ours = { count: found.count, first: pair(found.first), last: pair(found.last), next: pair(found.next) };
    due += found.count;
    if (given.last !== null) changed++;
    return JSON.stringify(ours) === JSON.stringify(airflow) ? [] : [{ ...given, ours, airflow }];
  });
  assert.equal(wrong, []);
  assert.ok(failing < runs.length / 20, `Airflow's scheduler failed in ${failing} of ${runs.length} cases`);
  console.log(
    `  ${runs.length - failing} cases agree, ${changed} of them after another run, on ${due} runs; at ${failing} moments Airflow has an error`,
  );
});

test("a weekend and a schedule that becomes coarser get the runs that are foretold", () => {
  const now = Date.parse("2026-11-25T14:50Z");
  const [weekend, daily] = fixed.map(({ expression, zone, last, ...restriction }) =>
    dueRuns({ cron: cronOf(expression), zone }, restriction, last && { start: last[0], end: last[1] }, now),
  );
  assert.equal([weekend?.count, weekend?.next?.end], [15, Date.parse("2026-11-28T06:00Z")]);
  // A run of 25 November, 13:00, exists: the day has none.
  assert.equal([daily?.count, daily?.next?.start], [0, Date.parse("2026-11-26T00:00Z")]);
});

test("a value that a param takes is one that Airflow's Param takes, and a refusal of one that Airflow takes says how to write it", () => {
  let [taken, refused, stricter] = [0, 0, 0];
  const wrong = params.flatMap(({ schema, values }, index) =>
    values.flatMap((value, place) => {
      const ours = paramError(schema, value as JsonValue);
      const airflow = answers.params[index]?.[place] ?? null;
      if ((ours === null) !== (airflow === null)) {
        if (ours?.includes("such as")) stricter++;
        else return [{ schema, value, ours, airflow }];
      } else if (ours === null) taken++;
      else refused++;
      return [];
    }),
  );
  assert.equal(wrong, []);
  assert.ok(taken > 1500 && refused > 1500 && stricter < 30);
  console.log(
    `  ${taken} values are taken and ${refused} refused by both, ${stricter} only here; ${specs.length - params.length} patterns were refused`,
  );
});

function pair(interval: { start: number; end: number } | null): Interval | null {
  return interval && [interval.start, interval.end];
}

test.run();
