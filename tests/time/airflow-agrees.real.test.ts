import { test } from "uvu";
import * as assert from "uvu/assert";
import { type CronTimetable, dueRuns, nextScheduled, previousScheduled } from "../../src/time/data-intervals.ts";
import { type AirflowAnswers, askAirflow, type Interval } from "./ask-airflow.ts";
import { seeded } from "./random.ts";
import { cronOf, randomRuns, randomTimes } from "./random-runs.ts";

/*
 * Random schedules, zones and moments, the same ones in each run, given to us and to the installed Airflow: its croniter, its
 * CronDataIntervalTimetable as a rendered DAG writes it. What is accepted must agree in each case. Their counts are printed.
 */

const random = seeded(20261125);
const { times, refused } = randomTimes(random, 1000);
const runs = randomRuns(random, times);
let answers: AirflowAnswers;

test.before(async () => {
  answers = await askAirflow({ times, runs, params: [] });
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

function pair(interval: { start: number; end: number } | null): Interval | null {
  return interval && [interval.start, interval.end];
}

test.run();
