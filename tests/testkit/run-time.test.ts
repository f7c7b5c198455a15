import { test } from "uvu";
import * as assert from "uvu/assert";
import { runInterval, runVariables } from "../../src/testkit/run-time.ts";
import { extractTask, makeDag } from "../release/make-dags.ts";

const dag = makeDag({ timezone: "America/Santiago" });
const task = extractTask("extract_a");

test("a test's date is a day of the DAG's time zone, and {date}", () => {
  const interval = runInterval(dag, { date: "2024-09-08" });
  assert.equal(interval, { start: new Date("2024-09-08T04:00:00Z"), end: new Date("2024-09-09T03:00:00Z") });
  assert.is(runVariables(dag, task, { date: "2024-09-08" }).date, "2024-09-08");
});

test("a test's month is a month of the DAG's time zone", () => {
  const interval = runInterval(dag, { month: "2024-09" });
  assert.equal(interval, { start: new Date("2024-09-01T04:00:00Z"), end: new Date("2024-10-01T03:00:00Z") });
  assert.is(runVariables(dag, task, { month: "2024-09" }).month, "09");
});

test.run();
