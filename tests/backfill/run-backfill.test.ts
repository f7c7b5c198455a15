import { test } from "uvu";
import * as assert from "uvu/assert";
import type { BackfillProgress } from "../../src/backfill/progress.ts";
import type { BackfillInputs } from "../../src/backfill/request.ts";
import type { BackfillOptions, BackfillResult } from "../../src/backfill/run-backfill.ts";
import { resultText } from "../../src/backfill/table.ts";
import type { HostCommands } from "../../src/deploy/host-commands.ts";
import { TransientError, UserError } from "../../src/errors.ts";
import { rejects } from "../rejects.ts";
import { backfillOf, FakeAirflow, fakeHost, scheduleDaily } from "./fake-host.ts";

let airflow: FakeAirflow;
let host: ReturnType<typeof fakeHost>;

test.before.each(() => {
  airflow = new FakeAirflow();
  host = fakeHost(airflow);
});
test.after.each(() => host.remove());

/** Runs it; between two looks, every run goes one state further. */
function go(
  inputs: Partial<BackfillInputs> = {},
  options: Partial<BackfillOptions> = {},
  commands: HostCommands = host.commands,
): Promise<BackfillResult> {
  return backfillOf(airflow, commands, inputs, options);
}

/** Where a summer month begins in Santiago, the time zone of `demo`. */
const month = (name: string): Date => new Date(`${name}-01T03:00:00Z`);
const daily = (days: number): void => scheduleDaily(airflow, days);

test("a dry run lists the runs that would be created and those that exist, and starts nothing", async () => {
  airflow.add({ id: "by_hand", logicalDate: month("2024-02"), state: "failed" });
  const { plan, outcome } = await go({ reprocess: "failed" }, { start: false });
  assert.is(outcome, "planned");
  assert.equal(plan.counts, { create: 2, reprocess: 1, skip: 0 });
  assert.equal(
    plan.runs.map(({ period, state, action, run_id }) => [period, state, action, run_id]),
    [
      ["2024-01", null, "create", "dagline_backfill__2024-01"],
      ["2024-02", "failed", "reprocess", "by_hand"],
      ["2024-03", null, "create", "dagline_backfill__2024-03"],
    ],
  );
  assert.equal(host.actions, ["dry-run"]);
  assert.equal(airflow.asked, []);
});

test("a DAG without a schedule gets one run for each month, never more at a time than allowed, and the watch ends with them", async () => {
  const seen: BackfillProgress["counts"][] = [];
  const { outcome, progress } = await go({ max_active_runs: "2" }, { onProgress: ({ counts }) => seen.push(counts) });
  assert.is(outcome, "success");
  assert.is(airflow.mostActive, 2);
  assert.equal(progress?.counts, { success: 3 });
  assert.equal([seen[0], seen.at(-1)], [{ queued: 2, waiting: 1 }, { success: 3 }]);
});

test("newest first begins with the end of the range", async () => {
  await go({ newest_first: "true", max_active_runs: "1" });
  assert.equal(
    airflow.asked,
    ["03", "02", "01"].map((name) => `trigger dagline_backfill__2024-${name}`),
  );
});

test("a DAG that is mapped over months gets each month as both of its params", async () => {
  host.remove();
  host = fakeHost(airflow, { each_month: { from: "from_month", to: "to_month" } });
  const months = { type: "string", pattern: "^[0-9]{4}-(0[1-9]|1[0-2])$", default: null };
  airflow.facts = { ...airflow.facts, params: { from_month: months, to_month: months, kind: { type: "string", default: "green" } } };
  await go({ params: '{"kind":"yellow"}' });
  assert.equal(airflow.stored[1]?.conf, { kind: "yellow", from_month: "2024-02", to_month: "2024-02" });
  await rejects(go({ from: "2024-01-05", to: "2024-01-06" }), /runs for months \(each_month\), not for days/);
  await rejects(go({ params: '{"from_month":"2024-01"}' }), /`from_month` of demo is set by the range/);
});

test("a second start of the same range creates nothing twice", async () => {
  await go();
  const again = await go();
  assert.is(again.outcome, "nothing");
  assert.match(resultText(again), /nothing to do, all 3 runs/);
  assert.is(airflow.stored.length, 3);
});

test("run again: the failed ones, or all that ended, each once", async () => {
  airflow.failing = ["2024-02"];
  assert.is((await go()).outcome, "failed");
  airflow.failing = [];
  airflow.now = new Date("2024-06-02T12:00:00Z");
  assert.equal((await go({ reprocess: "failed" })).progress?.counts, { success: 1 });
  assert.equal((await go({ reprocess: "completed" })).progress?.counts, { success: 3 });
  airflow.now = new Date("2024-06-03T12:00:00Z");
  assert.equal((await go({ reprocess: "completed" })).progress?.counts, { success: 3 });
  assert.is(airflow.asked.filter((asked) => asked === "clear dagline_backfill__2024-01").length, 2);
});

test("a run that is run again with other params is made anew with them", async () => {
  airflow.facts = { ...airflow.facts, params: { kind: { type: "string", default: "green" } } };
  await go({ to: "2024-01" });
  await go({ to: "2024-01", reprocess: "completed", params: '{"kind":"yellow"}' });
  assert.equal(airflow.asked.slice(1), ["remove dagline_backfill__2024-01", "trigger dagline_backfill__2024-01"]);
  assert.equal(airflow.stored[0]?.conf, { kind: "yellow" });
});

test("failed runs end it as failed, with the task and the last error of its log", async () => {
  airflow.failing = ["2024-01", "2024-03"];
  const result = await go();
  assert.is(result.outcome, "failed");
  assert.equal(result.failures.map(({ period }) => period).sort(), ["2024-01", "2024-03"]);
  assert.match(resultText(result), /2024-01 failed \(dagline_backfill__2024-01\), task extract: the server said 500/);
});

test("a watch that died is taken up by the next start of the same range", async () => {
  const died = new Error("died");
  const dies = (): Promise<void> => Promise.reject(died);
  await rejects(go({ max_active_runs: "1", reprocess: "completed" }, { delay: dies }), /died/);
  const said: string[] = [];
  const log = { info: (text: string) => said.push(text), warn() {}, error() {} };
  const { outcome, id } = await go({ max_active_runs: "1", reprocess: "completed" }, { log });
  assert.is(outcome, "success");
  assert.equal(said, [`backfill ${id} of this range had begun: going on with it`]);
  assert.is(airflow.asked.length, 3, "each run was begun once");
});

test("a second backfill of the same DAG names the one that runs", async () => {
  await rejects(go({}, { delay: () => Promise.reject(new Error("died")) }));
  const error = await rejects(go({ from: "2023-01", to: "2023-12" }), /^another backfill of demo is running: backfill [0-9a-f]{8}-\w+$/);
  assert.instance(error, UserError);
  daily(3);
  await rejects(go({}, { delay: () => Promise.reject(new Error("died")) }));
  await rejects(go(), /^another backfill of demo is running: backfill 1, 2024-01-01T03:00:00.000Z to 2024-04-01T02:59:59.999Z, begun/);
});

test("a scheduled DAG's backfill is Airflow's own, and only its own runs are counted", async () => {
  daily(3);
  airflow.add({ id: "scheduled__1", type: "scheduled", logicalDate: airflow.schedule[0] ?? new Date() });
  const { plan, progress, outcome, id } = await go({ from: "2024-01-01", to: "2024-01-03" });
  assert.equal(plan.counts, { create: 2, reprocess: 0, skip: 1 });
  assert.equal([outcome, id, progress?.counts], ["success", "1", { success: 2 }]);
});

test("a backfill that has ended, but that Airflow has not marked yet, is not in the way of the next", async () => {
  daily(3);
  await go();
  assert.is((await go({ reprocess: "completed" })).outcome, "success");
});

test("a backfill whose runs Airflow is still creating is left alone by a second one", async () => {
  daily(3);
  airflow.backfills.push({ id: "1", from: new Date(0), to: airflow.now, createdAt: new Date(0), completed: false });
  await rejects(go(), /^another backfill of demo is running: backfill 1, /);
  assert.is(airflow.backfills[0]?.completed, false);
});

for (const [what, inputs, prepare, message] of [
  ["an unknown DAG", { dag: "dem" }, () => {}, /^there is no DAG dem in Airflow$/],
  ["a DAG that does not import", {}, () => change({ broken: true }), /^demo does not import in Airflow$/],
  ["a paused DAG", {}, () => change({ paused: true }), /^demo is paused: its runs would wait without end$/],
  [
    "a word for overwriting newer runs",
    { params: '{"overwrite_newer":"yes"}' },
    () => change(kind),
    /^the param `overwrite_newer` is true or false/,
  ],
  ["a param that the DAG does not have", { params: '{"knd":1}' }, () => change(kind), /^demo has no param "knd"\. Did you mean `kind`\?/],
  ["a param of another type", { params: '{"kind":1}' }, () => change(kind), /^the param `kind` of demo must be string$/],
  ["a param that is missing", {}, () => change(kind), /^demo needs a value of the param `kind`$/],
  [
    "a range before the DAG's start",
    { from: "2019-01", to: "2019-02" },
    () => {},
    /no run of demo .*2 of the range are before the DAG's start_date/,
  ],
  [
    "a range that ends within a month",
    { from: "2024-01", to: "2024-02-15" },
    () => {},
    /^the range ends within 2024-02, which a run loads whole$/,
  ],
  [
    "a range of months that begins within one",
    { from: "2024-01-15", to: "2024-02-29", every: "month" },
    () => {},
    /^the range begins within 2024-01, which a run loads whole$/,
  ],
  ["a range that begins within a day", { from: "2024-01-15T06:30", to: "2024-01-16" }, () => {}, /^the range begins within 2024-01-15,/],
  ["a range of the future", { from: "2024-06", to: "2024-07" }, () => {}, /no run of demo .*2 of the range are not over yet/],
  [
    "a range of too many runs",
    { from: "2020-01-01", to: "2024-01-01" },
    () => {},
    /^this range of demo has more runs than the 1000 that are allowed$/,
  ],
  ["a schedule's range of too many runs", { from: "2020-01", max_runs: "90" }, () => daily(3), /more runs than the 90 that are allowed$/],
  [
    "a schedule's range of no run",
    { from: "2024-05", to: "2024-05" },
    () => daily(3),
    /^no interval of demo \(0 9 \* \* \*, America\/Santiago\) .* has ended$/,
  ],
  ["a period for a DAG with a schedule", { every: "day" }, () => daily(3), /has a schedule \(0 9 \* \* \*\)/],
] as const) {
  test(`${what} is one plain line, and nothing is started`, async () => {
    prepare();
    const error = await rejects(go(inputs), message);
    assert.instance(error, UserError);
    assert.equal(airflow.stored, []);
  });
}

const kind = { params: { kind: { type: "string", default: null } } };
function change(facts: object): void {
  airflow.facts = { ...airflow.facts, ...facts };
}

test("an unknown DAG's hint names the nearest one that is deployed", async () => {
  assert.is(((await rejects(go({ dag: "dem" }))) as UserError).hint, "Did you mean `demo`?");
});

test("a release that moved between the plan and the start stops the start", async () => {
  const commands: HostCommands = {
    run(document, parameters, options) {
      if (parameters.Action === "start") change({ release: "2".repeat(64) });
      return host.commands.run(document, parameters, options);
    },
  };
  await rejects(go({}, {}, commands), /^demo is now of release 2{12}, and the backfill was planned for release 1{12}$/);
  assert.equal(airflow.stored, []);
});

test("a release that moves while the runs are made halts it: what runs finishes, the rest is not begun", async () => {
  const delay = async (): Promise<void> => {
    airflow.work();
    change({ release: "2".repeat(64) });
  };
  const result = await go({ max_active_runs: "1" }, { delay });
  assert.is(result.outcome, "halted");
  assert.equal(result.progress?.counts, { success: 1, waiting: 2 });
  assert.match(resultText(result), /no more are begun: demo is now of release 2{12}/);
});

test("a DAG that is paused while its runs wait is said so, and they end once it is not", async () => {
  const seen: BackfillProgress[] = [];
  const delay = async (): Promise<void> => {
    change({ paused: seen.length < 2 });
    airflow.work();
  };
  const { outcome } = await go({ to: "2024-01" }, { delay, onProgress: (progress) => seen.push(progress) });
  assert.is(outcome, "success");
  assert.equal([seen[1]?.counts, seen[1]?.halted], [{ queued: 1 }, "demo was paused meanwhile"]);
});

test("a host that does not answer a few times is asked again; then the watch ends and says that the backfill goes on", async () => {
  let away = 3;
  const commands: HostCommands = {
    run(document, parameters, options) {
      if (parameters.Action === "status" && away-- > 0) throw new TransientError("the host is away");
      return host.commands.run(document, parameters, options);
    },
  };
  assert.is((await go({}, {}, commands)).outcome, "success");
  airflow.stored.splice(0);
  away = 9;
  const error = await rejects(go({}, {}, commands), /^backfill \S+ is no longer watched: the host is away$/);
  assert.instance(error, TransientError);
});

test("an answer of another version of the agent is refused, with what is wrong in it", async () => {
  for (const [action, changes, message] of [
    [
      "dry-run",
      { counts: { create: 1 } },
      /^the host's answer to a backfill's dry-run is not one .*: counts must have required property 'reprocess'$/,
    ],
    ["start", { id: 7 }, /a backfill's start .*: id must be string$/],
    ["status", { runs: [{ period: "2024-01" }] }, /a backfill's status .*: runs\/0 must have required property 'run_id'$/],
  ] as const) {
    const commands: HostCommands = {
      async run(document, parameters, options) {
        const outcome = await host.commands.run(document, parameters, options);
        if (parameters.Action !== action) return outcome;
        return { ...outcome, stdout: `${JSON.stringify({ ...JSON.parse(outcome.stdout), ...changes })}\n` };
      },
    };
    assert.instance(await rejects(go({}, {}, commands), message), UserError);
  }
});

test("a thousand runs fit into what SSM passes on, those that failed first", async () => {
  airflow.failing = ["2023-07-01"];
  const { plan, progress, failures } = await go({ from: "2021-06-01", to: "2024-02-24", max_active_runs: "100" });
  assert.is(plan.runs.length + plan.more, 999);
  assert.ok(plan.more > 0);
  assert.equal(progress?.counts, { success: 998, failed: 1 });
  assert.is(progress?.runs[0]?.period, "2023-07-01");
  assert.is(failures.length, 1);
});

test.run();
