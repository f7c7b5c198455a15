import { test } from "uvu";
import * as assert from "uvu/assert";
import { inputs, run } from "../../actions/drift/main.ts";
import { readInputs } from "../../actions/inputs.ts";
import { sync } from "../../src/deploy/sync.ts";
import { UserError } from "../../src/errors.ts";
import { silentLog } from "../../src/log.ts";
import { thrownBy } from "../../src/testkit/thrown-by.ts";
import { type ForgeUnderTest, withGithub } from "../forge/github-fixture.ts";
import { hostileInReports } from "../plan/hostile.ts";
import { memoryBucket } from "./memory-bucket.ts";
import { makeProject, weather } from "./project.ts";
import { hostThat, silentHost, type TestServices, testServices } from "./services.ts";

const given = readInputs(inputs, {});
const project = makeProject();
const bucket = memoryBucket();
let serving: string | null = null;
let problems: string[] = [];
const host = hostThat(() => ({ print: { release: serving, healthy: problems.length === 0, dags: 1, problems } }));

test.before(async () => {
  const release = await project.render();
  await sync(release, bucket, { commit: null, now: new Date(), log: silentLog });
});
test.before.each(async () => {
  project.write(weather.plain);
  serving = (await project.render()).id;
  problems = [];
});
test.after(() => project.remove());

const services = ({ forge }: ForgeUnderTest, parts: { host?: typeof silentHost } = {}): TestServices =>
  testServices({ root: project.root, forge, bucket, host, ...parts });

test("bucket, host and main that agree leave no issue", () =>
  withGithub({}, async (under) => {
    const these = services(under);
    await run(given, these);
    assert.equal(these.outputs, { drift: 0 });
    assert.is(under.github.state.issues.size, 0);
    assert.match(these.written(), /No drift in `production`/);
  }));

test("drift opens one issue, edits it while it lasts, closes it when it is healed, and opens another for what comes later", () =>
  withGithub({}, async (under) => {
    const { issues } = under.github.state;
    serving = "9".repeat(64);
    const first = services(under);
    await run(given, first);
    assert.equal(first.outputs, { drift: 1, issue: 4 });
    assert.match(first.lines.warn.join("\n"), /^one thing differs: issue #4 is created/);
    assert.match(issues.get(4)?.body ?? "", /\| host \| `the host runs release 999999999999, the pointer names release [0-9a-f]{12}` \|/);
    project.write(weather.changed);
    const second = services(under);
    await run(given, second);
    assert.equal([second.outputs, issues.size], [{ drift: 2, issue: 4 }, 1]);
    assert.match(issues.get(4)?.body ?? "", /\| checkout \| `this checkout renders/);
    project.write(weather.plain);
    serving = (await project.render()).id;
    await run(given, services(under));
    assert.equal([issues.get(4)?.state, issues.get(4)?.stateReason], ["closed", "completed"]);
    assert.match(under.github.state.comments[0]?.body ?? "", /Bucket, host and main agree again/);
    serving = null;
    await run(given, services(under));
    assert.equal([...issues.keys()], [4, 5]);
  }));

test("a host that does not answer, and one that is not to be found, are drift", () =>
  withGithub({}, async (under) => {
    const silent = services(under, { host: silentHost });
    await run(given, silent);
    assert.is(silent.outputs.drift, 1);
    assert.match(silent.written(), /\| host \| .*did not end within 120 s/);
    const gone = services(under, { host: { run: () => Promise.reject(new UserError("SSM knows no instance with tag:Name=x")) } });
    await run(given, gone);
    assert.match(gone.written(), /SSM knows no instance/);
  }));

test("a cancelled run is no drift", () =>
  withGithub({}, async (under) => {
    const controller = new AbortController();
    controller.abort(new UserError("the workflow was cancelled"));
    const these = testServices({ root: project.root, forge: under.forge, bucket, host, signal: controller.signal });
    assert.match((await thrownBy(run(given, these))).message, /was cancelled/);
    assert.is(under.github.state.issues.size, 0);
  }));

test("thousands of hostile problems make an issue that GitHub takes, as text", () =>
  withGithub({}, async (under) => {
    problems = Array.from({ length: 2000 }, (_, index) => `${hostileInReports[index % hostileInReports.length]}${"@".repeat(400)}`);
    const these = services(under);
    await run(given, these);
    const body = under.github.state.issues.get(4)?.body ?? "";
    assert.ok(body.length < 65_536 && body.length > 1000, `${body.length}`);
    assert.match(body, /and 1975 more: the log has them all/);
    assert.not.match(
      body
        .replace(/<code>[^<\n]*<\/code>/g, "")
        .split("\n")
        .slice(1)
        .join("\n"),
      /@|<[a-z!]|```|^::/m,
    );
    assert.is(these.lines.info.filter((line) => line.startsWith("host: ")).length, 2000);
  }));

test("a missing permission is one clear error that names it", () =>
  withGithub({ tokens: { right: { permissions: { issues: "read" } } } }, async (under) => {
    serving = null;
    const error = await thrownBy(run(given, services(under)));
    assert.instance(error, UserError);
    assert.match(`${error.message} ${(error as UserError).hint}`, /could not create an issue: GitHub denies it.*`issues: write`/);
  }));

test.run();
