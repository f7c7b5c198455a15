import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Release } from "../../src/release/build-release.ts";
import { dagPython, makeRelease } from "../host/make-release.ts";
import { until } from "../until.ts";
import { processorSeconds, type ReleaseStack, startReleaseStack } from "./release-stack.ts";

// What takes how long on a real Airflow. It has the machine to itself.
let stack: ReleaseStack;

test.before(async () => {
  stack = await startReleaseStack();
});
test.after(() => stack?.stop());

test("10 DAGs are served by Airflow's API less than 5 s after the switch", async () => {
  // The first one also pays for what Airflow imports once.
  const first = tenDags("first");
  await deploy(first);
  const seconds = await deploy(tenDags("second"));
  const served = seconds.switch + seconds.prove;
  report(`10 DAGs served ${served.toFixed(1)} s after the switch (fetch ${seconds.fetch} s, trial ${seconds.try} s)`);
  assert.ok(served < 5, `${served} s`);
  const back = await deploy(first);
  assert.ok(back.switch + back.prove < 5, `going back: ${back.switch + back.prove} s`);
});

test("at rest with 100 DAGs the DAG processor uses under 3% of a core", async () => {
  const texts = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`d${index}`, dagPython(`d${index}`)]));
  const seconds = await deploy(makeRelease({ dags: texts }));
  const { pid } = stack.airflow.services.find(({ name }) => name === "airflow-dag-processor") ?? missing("no DAG processor");
  const [used, elapsed] = [processorSeconds(pid), performance.now()];
  await until("15 s to go by", () => performance.now() - elapsed > 15_000, { interval: 500 });
  const share = ((processorSeconds(pid) - used) / ((performance.now() - elapsed) / 1000)) * 100;
  report(`100 DAGs served ${seconds.prove.toFixed(1)} s after the switch; at rest the DAG processor uses ${share.toFixed(1)}% of a core`);
  assert.ok(share < 3, `${share}%`);
});

function tenDags(tag: string): Release {
  return makeRelease({
    dags: Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`d${index}`, `${dagPython(`d${index}`)}# ${tag}\n`])),
  });
}

async function deploy(release: Release): Promise<{ fetch: number; try: number; switch: number; prove: number }> {
  await stack.sync(release);
  const { code, answer } = await stack.agent("reload", "--release", release.id);
  assert.is(code, 0, JSON.stringify(answer));
  return answer.seconds ?? missing("no seconds");
}

function missing(what: string): never {
  throw new Error(what);
}

/** Numbers that the test run shows. */
function report(text: string): void {
  process.stderr.write(`  measured: ${text}\n`);
}

test.run();
