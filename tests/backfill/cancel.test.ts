import { test } from "uvu";
import * as assert from "uvu/assert";
import { cancelBackfill } from "../../src/backfill/cancel-backfill.ts";
import type { HostRequest } from "../../src/backfill/host-request.ts";
import type { BackfillInputs } from "../../src/backfill/request.ts";
import type { BackfillOptions, BackfillResult } from "../../src/backfill/run-backfill.ts";
import type { HostCommands } from "../../src/deploy/host-commands.ts";
import { TransientError } from "../../src/errors.ts";
import { rejects } from "../rejects.ts";
import { backfillOf, FakeAirflow, fakeHost, scheduleDaily } from "./fake-host.ts";

let airflow: FakeAirflow;
let host: ReturnType<typeof fakeHost>;

test.before.each(() => {
  airflow = new FakeAirflow();
  host = fakeHost(airflow);
});
test.after.each(() => host.remove());

const go = (inputs: Partial<BackfillInputs> = {}, options: Partial<BackfillOptions> = {}): Promise<BackfillResult> =>
  backfillOf(airflow, host.commands, inputs, options);
const states = (): Record<string, string> => Object.fromEntries(airflow.stored.map(({ id, state }) => [id, state]));
const daily = (days: number): void => scheduleDaily(airflow, days);

test("aborting cancels: what waits is ended, what runs finishes, and a new start runs what was ended", async () => {
  const abort = new AbortController();
  const delay = async (): Promise<void> => {
    airflow.stored.splice(0, 1, ...airflow.stored.slice(0, 1).map((run) => ({ ...run, state: "running" })));
    abort.abort();
  };
  const { outcome } = await go({ max_active_runs: "2" }, { signal: abort.signal, delay });
  assert.is(outcome, "cancelled");
  assert.equal(states(), { "dagline_backfill__2024-01": "running", "dagline_backfill__2024-02": "failed" });
  airflow.work();
  const { plan } = await go({}, { start: false });
  assert.equal(
    plan.runs.map(({ state, action }) => [state, action]),
    [
      ["success", "skip"],
      ["cancelled", "reprocess"],
      [null, "create"],
    ],
  );
  airflow.now = new Date("2024-06-02T12:00:00Z");
  assert.equal((await go()).progress?.counts, { success: 2 });
});

test("another watcher of a backfill that was cancelled begins no more runs", async () => {
  const abort = new AbortController();
  let first: Promise<BackfillResult> | undefined;
  const delay = async (): Promise<void> => {
    airflow.work();
    first ??= go({ max_active_runs: "1" }, { signal: abort.signal, delay: async () => abort.abort() });
    await first;
  };
  const { outcome, progress } = await go({ max_active_runs: "1" }, { delay });
  assert.is((await first)?.outcome, "cancelled");
  assert.equal([outcome, progress?.halted, progress?.counts], ["halted", "it was cancelled", { success: 1, waiting: 2 }]);
});

test("aborting a scheduled DAG's backfill leaves no run of it queued", async () => {
  daily(3);
  const abort = new AbortController();
  const { outcome } = await go({}, { signal: abort.signal, delay: async () => abort.abort() });
  assert.is(outcome, "cancelled");
  assert.equal(
    airflow.stored.map(({ state }) => state),
    ["failed", "failed", "failed"],
  );
});

for (const [what, prepare, left] of [
  ["periods", () => {}, { "dagline_backfill__2024-01": "failed", "dagline_backfill__2024-02": "failed" }],
  ["a schedule", () => daily(2), { "backfill__2024-01-01T09:00:00.000Z": "failed", "backfill__2024-01-02T09:00:00.000Z": "failed" }],
] as const) {
  test(`a backfill of ${what} whose watcher died is cancelled by what the watcher was told, with its id or without`, async () => {
    for (const known of [1, 2]) {
      prepare();
      airflow.stored.splice(0);
      const asked = await startAndDie(known);
      assert.is(asked.id === null, known === 1);
      assert.is(await cancelBackfill(host.commands, asked, quick), true);
      assert.equal(states(), left);
      assert.is(await cancelBackfill(host.commands, asked, quick), known === 2, "cancelling again does no harm");
      assert.equal(states(), left);
      assert.is((await go({}, { start: false })).plan.running, null);
    }
  });
}

test("a run that a cancel ended before it began is still run by the next start when it was cancelled twice", async () => {
  const asked = await startAndDie(2);
  for (const _ of [1, 2]) await cancelBackfill(host.commands, asked, quick);
  assert.equal((await go({}, { start: false })).plan.counts, { create: 1, reprocess: 2, skip: 0 });
});

test("one that cannot be found is looked for again, and in the end there was none", async () => {
  let waits = 0;
  const asked = await startAndDie(1);
  airflow.stored.splice(0);
  assert.is(await cancelBackfill(host.commands, asked, { delay: async () => waits++ }), false);
  assert.is(waits, 11);
});

test("another's backfill of the same DAG is not cancelled by a request without an id", async () => {
  const asked = await startAndDie(1);
  airflow.stored.splice(0);
  await rejects(go({ from: "2023-01", max_active_runs: "1" }, { delay: () => Promise.reject(new Error("died")) }));
  assert.is(await cancelBackfill(host.commands, asked, quick), false);
  assert.equal(states(), { "dagline_backfill__2023-01": "queued" });
});

test("a host that does not answer to a cancel is asked again", async () => {
  const asked = await startAndDie(2);
  let away = 3;
  const commands: HostCommands = {
    run(...given) {
      if (away-- > 0) throw new TransientError("the host is away");
      return host.commands.run(...given);
    },
  };
  assert.is(await cancelBackfill(commands, asked, quick), true);
});

const quick = { delay: async () => undefined };

/** Begins two runs, and dies before the first look. Returns what it was told as the so-manyth: first without an id, then with it. */
async function startAndDie(known: number): Promise<HostRequest> {
  const told: HostRequest[] = [];
  const inputs = { max_active_runs: "2" };
  await rejects(go(inputs, { onStart: (asked) => told.push(asked), delay: () => Promise.reject(new Error("died")) }), /died/);
  const asked = told[known - 1];
  if (asked === undefined) throw new Error("the start was not told");
  return asked;
}

test.run();
