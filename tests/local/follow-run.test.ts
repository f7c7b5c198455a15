import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Following, followRun, type RunResult } from "../../local/follow-run.ts";
import type { AirflowCall } from "../../local/runs.ts";

type States = Readonly<Record<string, string | null>>;

/** An Airflow that answers each look at the run with the next of these; tasks that are no longer given stay as they are. */
function airflow(...looks: (readonly [run: string | number, tasks: States])[]): { call: AirflowCall; asked: string[] } {
  const asked: string[] = [];
  let at = 0;
  const call: AirflowCall = async (method, path, body) => {
    if (method !== "GET") asked.push(`${method} ${path} ${JSON.stringify(body)}`);
    const [run, tasks] = looks[Math.min(at, looks.length - 1)] ?? ["running", {}];
    if (method !== "GET") return { status: 200, body: {} };
    if (path.includes("/taskInstances")) {
      at++;
      const instances = Object.entries(tasks).map(([task_id, state]) => ({
        ...{ task_id, state, map_index: -1, rendered_map_index: null, try_number: state === null ? 0 : 1, max_tries: 2 },
        ...{ end_date: null, pool: "default_pool" },
      }));
      return { status: 200, body: { task_instances: instances, total_entries: instances.length } };
    }
    return typeof run === "number" ? { status: run, body: {} } : { status: 200, body: { state: run, duration: 1.25 } };
  };
  return { call, asked };
}

const follow = (call: AirflowCall, options?: Following): Promise<RunResult> => followRun(call, { dag: "tides", run: "one" }, options);

test("a run is followed to its end, with the states of its tasks", async () => {
  const { call } = airflow(["running", { a: "running", b: null }], ["success", { a: "success", b: "skipped" }]);
  assert.equal(await follow(call), { dag: "tides", run: "one", state: "success", seconds: 1.3, tasks: { success: 1, skipped: 1 } });
});

test("a run that only waits for retries is left by who asks for that, and by nobody else", async () => {
  const looks = [["running", { a: "up_for_retry", b: null }] as const, ["failed", { a: "failed", b: "upstream_failed" }] as const];
  assert.is((await follow(airflow(...looks).call, { leaveWaits: true })).state, "retrying");
  assert.is((await follow(airflow(...looks).call)).state, "failed");
});

test("a task that still runs keeps a run from being left", async () => {
  const { call } = airflow(["running", { a: "up_for_retry", b: "running" }], ["success", { a: "success", b: "success" }]);
  assert.is((await follow(call, { leaveWaits: true })).state, "success");
});

test("without retries, a task that waits for its next attempt is ended", async () => {
  const { call, asked } = airflow(["running", { a: "up_for_retry" }], ["failed", { a: "failed" }]);
  assert.is((await follow(call, { noRetries: true })).state, "failed");
  assert.equal(asked, [`PATCH /dags/tides/dagRuns/one/taskInstances/a {"new_state":"failed"}`]);
});

test("a run that asks again later for its data is not waited for", async () => {
  assert.is((await follow(airflow(["running", { a: "up_for_reschedule", b: null }]).call)).state, "waiting");
});

test("a run that was deleted meanwhile is stuck, and one that takes longer than the limit unfinished", async () => {
  assert.equal((await follow(airflow([404, {}]).call)).why, "the run was deleted");
  assert.is((await follow(airflow(["running", { a: "running" }]).call, { limitSeconds: -1 })).state, "unfinished");
});

test.run();
