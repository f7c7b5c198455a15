import { test } from "uvu";
import * as assert from "uvu/assert";
import { failingDeployment, openDeployment } from "../../actions/deployment.ts";
import { readInputs } from "../../actions/inputs.ts";
import { inputs, run } from "../../actions/reload/main.ts";
import { TransientError, UserError } from "../../src/errors.ts";
import { parseReleaseId } from "../../src/ids.ts";
import { thrownBy } from "../../src/testkit/thrown-by.ts";
import { type ForgeUnderTest, withGithub } from "../forge/github-fixture.ts";
import { hostThat, provingHost, testServices } from "./services.ts";

const release = parseReleaseId("1".repeat(64));
const read = (given: Readonly<Record<string, string>>) =>
  readInputs(inputs, Object.fromEntries(Object.entries(given).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])));

/** A deployment that sync opened, and the inputs that name it. */
async function deployed(work: (under: ForgeUnderTest, given: ReturnType<typeof read>) => Promise<void>): Promise<void> {
  await withGithub({}, async (under) => {
    const services = testServices({ root: ".", forge: under.forge });
    const id = await openDeployment(under.forge, services, { environment: "production", release, plan: "p", commit: services.run.sha });
    await work(under, read({ release, deployment: String(id) }));
  });
}

test("the host's proof is in the summary and the outputs, and the deployment is a success with Airflow's address and the run's log", () =>
  deployed(async ({ forge, github }, given) => {
    const host = provingHost();
    const services = testServices({ root: ".", forge, host });
    await run(given, services);
    assert.equal(
      host.asked.map(([document, parameters, { timeoutSeconds }]) => [document, parameters, timeoutSeconds]),
      [["dagline-reload", { ReleaseId: release }, 900]],
    );
    assert.equal(services.outputs, { release, dags: 2 });
    assert.match(services.written(), /### The host switched and serves release `111111111111`\n\n\| proof \| {2}\|\n/);
    assert.match(services.written(), /\| DAGs served \| 2 \|\n.*\| fetch, seconds \| 0\.1 \|/s);
    const [status] = github.state.deployments[0]?.statuses ?? [];
    assert.equal([status?.state, status?.environmentUrl, status?.logUrl], ["success", "https://airflow.example", services.run.url]);
    assert.ok(services.lines.info.includes("host: host at work"));
  }));

test("without a deployment, no forge is asked for", async () => {
  const services = testServices({ root: ".", host: provingHost() });
  await run(read({ release }), services);
  assert.is(services.outputs.release, release);
});

test("a release that the host refuses fails the deployment, and the line of YAML is named", () =>
  deployed(async ({ forge, github }, given) => {
    const error = { message: "KeyError: 'x'", hint: null, file: "scrapes/weather/weather.yml", line: 14 };
    const host = hostThat(() => ({ exitCode: 1, print: { ok: false, release, active: "2".repeat(64), error } }));
    const services = testServices({ root: ".", forge, host });
    const thrown = await thrownBy(run(given, services));
    assert.instance(thrown, UserError);
    assert.match(thrown.message, /scrapes\/weather\/weather\.yml:14: KeyError: 'x' \(the host stays on release 222222222222\)/);
    const [status] = github.state.deployments[0]?.statuses ?? [];
    assert.is(status?.state, "failure");
    assert.match(status?.description ?? "", /scrapes\/weather\/weather\.yml:14/);
    assert.is(services.written(), "");
  }));

test("a host that can't be reached fails the deployment, too", () =>
  deployed(async ({ forge, github }, given) => {
    const services = { ...testServices({ root: ".", forge }), host: () => Promise.reject(new TransientError("SSM is down")) };
    assert.instance(await thrownBy(run(given, services)), TransientError);
    assert.is(github.state.deployments[0]?.statuses[0]?.state, "failure");
  }));

test("cancelling the workflow sets the deployment to error", () =>
  deployed(async ({ forge, github }, given) => {
    const controller = new AbortController();
    const host = hostThat(() => ({ print: {} }));
    controller.abort(new UserError("the workflow was cancelled"));
    const services = testServices({ root: ".", forge, host, signal: controller.signal });
    assert.match((await thrownBy(run(given, services))).message, /^the workflow was cancelled$/);
    const [status] = github.state.deployments[0]?.statuses ?? [];
    assert.equal([status?.state, status?.description], ["error", "the workflow was cancelled"]);
  }));

test("a long error is cut to what a deployment's state takes", () =>
  deployed(async ({ forge, github }) => {
    const services = testServices({ root: ".", forge });
    const id = github.state.deployments[0]?.id ?? 0;
    await thrownBy(failingDeployment(forge, id, services, () => Promise.reject(new UserError(`${"x".repeat(5000)}\n@everyone`))));
    assert.is(github.state.deployments[0]?.statuses[0]?.description.length, 140);
  }));

test("a wrong release, deployment and time are named in one error", async () => {
  const { message } = await thrownBy((async () => read({ release: "1234", deployment: "-1", "timeout-minutes": "0" }))());
  assert.equal(message.split("\n"), [
    'the input `release` is "1234": it takes a release\'s id, 64 digits, or current',
    'the input `deployment` is "-1": it takes the output `deployment` of sync',
    'the input `timeout-minutes` is "0": it takes a whole number from 1 to 60',
  ]);
});

test.run();
