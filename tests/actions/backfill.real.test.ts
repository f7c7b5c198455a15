import { test } from "uvu";
import * as assert from "uvu/assert";
import { inputs, run } from "../../actions/backfill/main.ts";
import { type InputsOf, readInputs } from "../../actions/inputs.ts";
import type { HostCommands } from "../../src/deploy/host-commands.ts";
import { UserError } from "../../src/errors.ts";
import { thrownBy } from "../../src/testkit/thrown-by.ts";
import { FakeAirflow, fakeHost } from "../backfill/fake-host.ts";
import { testServices } from "./services.ts";

const read = (given: Readonly<Record<string, string>> = {}): InputsOf<typeof inputs> =>
  readInputs(
    inputs,
    Object.fromEntries(
      Object.entries({ dag: "demo", from: "2024-01", to: "2024-03", ...given }).map(([name, value]) => [
        `INPUT_${name.toUpperCase()}`,
        value,
      ]),
    ),
  );

/** A host whose Airflow goes on with its runs each time that it is asked. */
async function withAirflow(work: (airflow: FakeAirflow, host: HostCommands & { actions: string[] }) => Promise<void>): Promise<void> {
  const airflow = new FakeAirflow();
  const { commands, actions, remove } = fakeHost(airflow);
  try {
    await work(airflow, {
      actions,
      run: (...asked) => {
        airflow.work();
        return commands.run(...asked);
      },
    });
  } finally {
    remove();
  }
}

test("a dry run, the default, shows the runs in log and summary, and starts nothing", () =>
  withAirflow(async (airflow, host) => {
    const services = testServices({ root: ".", host });
    await run(read(), services);
    assert.equal([host.actions, airflow.stored.length], [["dry-run"], 0]);
    assert.equal(services.outputs, { outcome: "planned", id: "", runs: 3 });
    assert.match(services.written(), /### Backfill of `demo`: planned\n\n```text\ndemo: 3 runs to create/);
    assert.match(services.written(), /\n {2}2024-02\s+create\s+-/);
    assert.match(services.lines.info.join("\n"), /2024-03\s+create/);
  }));

test("a backfill is watched to its end, its progress is logged, and the last states are in the summary", () =>
  withAirflow(async (airflow, host) => {
    const services = testServices({ root: ".", host });
    await run(read({ to: "2024-01", "dry-run": "false" }), services);
    assert.is(services.outputs.outcome, "success");
    assert.is(airflow.stored[0]?.state, "success");
    assert.match(
      services.lines.info.join("\n"),
      /\n +elapsed +success .* of 1 runs\n +\d s +0 .* 2024-01 (?:queued|running)\n[\s\S]* +\d s +1 .* 2024-01 success\n/,
    );
    assert.match(services.written(), /\| runs \| success \| took \|\n\| --- \| --- \| --- \|\n\| 1 \| 1 \| \d s \|\n/);
    assert.match(services.written(), /is done: 1 of 1 ended[\s\S]*2024-01\s+success/);
  }));

test("failed runs fail the step, each with its reason", () =>
  withAirflow(async (airflow, host) => {
    airflow.failing = ["2024-01"];
    const services = testServices({ root: ".", host });
    const error = await thrownBy(run(read({ to: "2024-01", "dry-run": "false" }), services));
    assert.instance(error, UserError);
    assert.match(error.message, /^the backfill of demo failed\n2024-01, extract: the server said 500$/);
    assert.match((error as UserError).hint ?? "", /reprocess: failed/);
    assert.is(services.outputs.outcome, "failed");
    assert.match(services.written(), /2024-01 failed \(.*\), task extract: the server said 500/);
  }));

test("cancelling the workflow cancels the backfill on the host, and the step says how to go on", () =>
  withAirflow(async (airflow, host) => {
    const controller = new AbortController();
    const services = testServices({ root: ".", host, signal: controller.signal });
    const stopping: HostCommands = {
      run(document, parameters, options) {
        if (parameters.Action === "status") controller.abort(new UserError("the workflow was cancelled"));
        return host.run(document, parameters, options);
      },
    };
    const error = await thrownBy(run(read({ "dry-run": "false" }), { ...services, host: async () => stopping }));
    assert.match(error.message, /^the backfill of demo cancelled/);
    assert.is(host.actions.at(-1), "cancel");
    assert.not.ok(airflow.stored.some(({ state }) => state === "queued"));
    assert.is(services.outputs.outcome, "cancelled");
  }));

test("wrong inputs are named together, before anything is done, with what each takes", () => {
  const given = { dag: "$(id)", from: "yesterday", params: "[1]", "max-active-runs": "101", "dry-run": "yes" };
  try {
    read(given);
    assert.unreachable();
  } catch (error) {
    assert.equal((error as Error).message.split("\n"), [
      'the input `dag` is "$(id)": it takes the id of a DAG',
      'the input `from` is "yesterday": it takes a month (2023-01), a day (2023-01-15) or a time (2023-01-15T06:30), in the DAG\'s time zone',
      'the input `dry-run` is "yes": it takes true or false',
      'the input `max-active-runs` is "101": it takes a whole number from 1 to 100',
      'the input `params` is "[1]": it takes a JSON object, for example {"taxi_type":"green"}',
    ]);
  }
});

test("hostile text in a failure's reason stays text in the summary", () =>
  withAirflow(async (airflow, host) => {
    airflow.failing = ["2024-01"];
    airflow.failedTask = async () => ({ task: "extract", message: "```\n@everyone <img src=x> ::error::x" });
    const services = testServices({ root: ".", host });
    await thrownBy(run(read({ to: "2024-01", "dry-run": "false" }), services));
    const [, fence = ""] = /\n\n(`{4,})text\n/.exec(services.written()) ?? [];
    assert.ok(services.written().endsWith(`\n${fence}`) && fence.length > 3, services.written());
  }));

test.run();
