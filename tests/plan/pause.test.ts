import { test } from "uvu";
import * as assert from "uvu/assert";
import { planMarkdown, planText } from "../../src/plan/report.ts";
import { makeDag } from "../release/make-dags.ts";
import { planOf } from "./make-contents.ts";

const daily = { schedule: { kind: "cron", expression: "0 0 * * *" }, catchup: true } as const;
const active = makeDag(daily);
const paused = makeDag({ ...daily, paused: true });
const changed = { retries: 5 };

test("a new DAG is active and runs at once, and one with `paused: true` arrives paused and runs nothing", () => {
  const [one] = planOf([], [active]).upcoming;
  assert.equal([one?.pause, one?.runsAtOnce], ["active", 74]);
  const plan = planOf([], [paused]);
  assert.equal([plan.upcoming[0]?.pause, plan.upcoming[0]?.runsAtOnce, plan.upcoming[0]?.nextRun], ["arrives paused", 0, null]);
  const words = /arrives paused: nothing runs until a person unpauses it in Airflow/;
  assert.match(planText(plan), words);
  assert.match(planMarkdown(plan, { limit: 60_000 }).body, words);
  assert.not.match(planText(plan), /no run|next run/);
});

test("a change of `paused` in the YAML pauses or unpauses the DAG, and the plan says so with the runs that begin", () => {
  const off = planOf([active], [paused]);
  assert.equal([off.upcoming[0]?.pause, off.upcoming[0]?.runsAtOnce], ["pauses", 0]);
  assert.match(planText(off), /paused set to true[\s\S]*this deploy pauses it/);
  const on = planOf([paused], [active]);
  assert.equal([on.upcoming[0]?.pause, on.upcoming[0]?.runsAtOnce], ["unpauses", 74]);
  assert.match(planText(on), /paused no longer set, was true[\s\S]*this deploy unpauses it; 74 runs/);
});

test("a DAG that a person paused stays paused through a change, and starts no run", () => {
  const plan = planOf([active], [makeDag({ ...daily, ...changed, startDate: "2020-01-01" })], { paused: ["rows"] });
  assert.equal([plan.upcoming[0]?.pause, plan.upcoming[0]?.runsAtOnce], ["stays paused", 0]);
  assert.match(planText(plan), /stays paused in Airflow/);
});

test("a DAG that a person unpaused is active, whatever its YAML says", () => {
  const [one] = planOf([paused], [makeDag({ ...paused, ...changed })], { paused: [] }).upcoming;
  assert.is(one?.pause, "active");
});

test("when Airflow was not asked, a DAG that its YAML pauses may be either, and the plan says so", () => {
  assert.match(planText(planOf([paused], [makeDag({ ...paused, ...changed })])), /paused, unless a person has unpaused it in Airflow/);
});

test("a DAG that comes back after it was removed keeps the pause that Airflow still has", () => {
  const plan = planOf([], [active], { paused: ["rows"] });
  assert.is(plan.upcoming[0]?.runsAtOnce, 0);
  assert.match(planText(plan), /comes back paused, as it was left in Airflow/);
});

test("a renamed DAG is a new one to Airflow: the pause of its old name is not its own", () => {
  const [one] = planOf([active], [makeDag({ ...active, id: "renamed" })], { paused: ["rows"] }).upcoming.filter(
    ({ dag }) => dag === "renamed",
  );
  assert.is(one?.pause, "active");
});

test.run();
