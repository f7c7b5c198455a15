import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Dag } from "../../src/scrape/model.ts";
import { extractTask, loadTask, makeDag } from "../release/make-dags.ts";
import { planOf } from "./make-contents.ts";

const url = "https://data.example.com/rows.csv";
const byDay = "https://data.example.com/{date}.csv";

test("an append by run that covers time again adds its rows a second time", () => {
  assert.equal(changed(dag("0 0 * * *", null), dag("0 12 * * *", null)), [
    {
      what: "rows are loaded twice",
      why: "load: adds the rows of 2024-03-14 12:00 to 2024-03-15 00:00 UTC a second time. With `start_date: 2024-03-15T12:00` its runs begin after them, and none covers 2024-03-15 00:00 to 2024-03-15 12:00 UTC.",
    },
  ]);
});

test("a slice that is another run's takes its rows away, when the time of the schedule or the time zone changes", () => {
  assert.equal(changed(dag("0 0 * * *", "{date}"), dag("0 12 * * *", "{date}")), [
    {
      what: "rows are taken away",
      why: "load: writes the slice of 2024-03-14 again, for another time, and takes away the rows that are there. With `start_date: 2024-03-15T12:00` its runs begin after them, and none covers 2024-03-15 00:00 to 2024-03-15 12:00 UTC.",
    },
  ]);
  const hourly = dag("0 * * * *", "{date}T{hour}");
  assert.equal(changed(hourly, { ...hourly, timezone: "America/New_York" }), [
    {
      what: "rows are taken away",
      why: "load: writes the slice of 2024-03-15T08 to 2024-03-15T11 again, for another time, and takes away the rows that are there. With `start_date: 2024-03-15T12:00` its runs begin after them, and none covers 2024-03-15 12:00 to 2024-03-15 16:00 UTC.",
    },
  ]);
  assert.equal(changed(hourly, { ...hourly, timezone: "Asia/Tokyo" }), [], "no hour has a name again");
  const daily = dag("0 0 * * *", "{date}");
  assert.equal(changed(daily, { ...daily, timezone: "Asia/Tokyo" }), [
    {
      what: "rows are loaded twice",
      why: "load: adds the rows of 2024-03-14 15:00 to 2024-03-15 00:00 UTC a second time. With `start_date: 2024-03-16T00:00` its runs begin after them, and none covers 2024-03-15 00:00 to 2024-03-15 15:00 UTC.",
    },
  ]);
});

test("a file that the URL names by its time is the same for each run that names it", () => {
  assert.equal(changed(dag("0 0 * * *", "{date}", byDay), dag("0 12 * * *", "{date}", byDay)), []);
  const [twice] = changed(dag("0 0 * * *", null, byDay), dag("0 12 * * *", null, byDay));
  assert.is(twice?.what, "rows are loaded twice");
  const tokyo = { ...dag("0 0 * * *", null, byDay), timezone: "Asia/Tokyo" };
  assert.equal(changed(dag("0 0 * * *", null, byDay), tokyo), [], "the next run reads the next day's file");
});

test("nothing is said where the schedule stays, leaves time out or is new, the DAG is paused, or the load merges or replaces", () => {
  const daily = dag("0 0 * * *", null);
  assert.equal(changed(daily, { ...daily, catchup: true }), []);
  assert.equal(changed(dag("0 * * * *", null), daily), []);
  assert.equal(changed({ ...daily, schedule: { kind: "none" } }, daily), []);
  assert.equal(changed(daily, { ...dag("0 12 * * *", null), paused: true }), []);
  const upsert = { kind: "upsert", key: ["id"] } as const;
  const merges = (cron: string) => dag(cron, null, url, { mode: upsert });
  assert.equal(changed(merges("0 0 * * *"), merges("0 12 * * *")), []);
  assert.equal(changed(dag("0 0 * * *", "all"), dag("0 12 * * *", "all")), [], "every run replaces the one before");
});

function changed(before: Dag, after: Dag): { what: string; why: string }[] {
  return planOf([before], [after]).destructive.map(({ what, why }) => ({ what, why }));
}

function dag(cron: string, slice: string | null, from = url, more: Parameters<typeof loadTask>[2] = {}): Dag {
  const load = loadTask("load", ["x"], { mode: { kind: "append", slice }, ...more });
  return makeDag({ schedule: { kind: "cron", expression: cron }, url: from, tasks: [extractTask("x"), load] });
}

test.run();
