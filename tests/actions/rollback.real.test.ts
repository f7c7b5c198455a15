import { test } from "uvu";
import * as assert from "uvu/assert";
import { readInputs } from "../../actions/inputs.ts";
import { inputs, run } from "../../actions/rollback/main.ts";
import { sync } from "../../src/deploy/sync.ts";
import { UserError } from "../../src/errors.ts";
import type { ReleaseId } from "../../src/ids.ts";
import { silentLog } from "../../src/log.ts";
import type { Release } from "../../src/release/build-release.ts";
import { thrownBy } from "../../src/testkit/thrown-by.ts";
import { makeRelease } from "../deploy/make-release.ts";
import { type ForgeUnderTest, withGithub } from "../forge/github-fixture.ts";
import { type MemoryBucket, memoryBucket } from "./memory-bucket.ts";
import { hostThat, provingHost, testServices } from "./services.ts";

const given = readInputs(inputs, {});
const [first, second] = [makeRelease({ dags: 2 }), makeRelease({ dags: 2, edited: 1 })];

const commitOf = ({ id }: Release): string => id.slice(0, 40);

async function twoDeployed(
  work: (under: ForgeUnderTest & { bucket: MemoryBucket; pointer: () => ReleaseId }) => Promise<void>,
  options: Parameters<typeof withGithub>[0] = {},
): Promise<void> {
  const bucket = memoryBucket();
  for (const release of [first, second]) await sync(release, bucket, { commit: commitOf(release), now: new Date(), log: silentLog });
  const pointer = (): ReleaseId => JSON.parse(Buffer.from(bucket.objects.get("current.json")?.body ?? "").toString()).release;
  await withGithub(options, (under) => work({ ...under, bucket, pointer }));
}

test("the pointer goes to the release before, the host proves it, and a deployment says so", () =>
  twoDeployed(async ({ forge, github, bucket, pointer }) => {
    const host = provingHost();
    const services = testServices({ root: ".", forge, bucket, host });
    await run(given, services);
    assert.is(pointer(), first.id);
    assert.equal(
      host.asked.map(([, parameters]) => parameters),
      [{ ReleaseId: first.id }],
    );
    assert.equal(services.outputs, { release: first.id, dags: 2 });
    assert.match(services.written(), /### The host switched and serves release/);
    const [made] = github.state.deployments;
    assert.equal(
      made?.statuses.map(({ state }) => state),
      ["success", "in_progress"],
    );
    assert.is(made?.ref, commitOf(first), "the deployment is of the commit that is gone back to");
    assert.is(made?.statuses[0]?.environmentUrl, "https://airflow.example");
  }));

test("a named release is gone to, and one that is not there moves nothing", () =>
  twoDeployed(async ({ forge, bucket, pointer, github }) => {
    const services = testServices({ root: ".", forge, bucket, host: provingHost() });
    const error = await thrownBy(run({ ...given, to: "abcdef012345" }, services));
    assert.instance(error, UserError);
    assert.match(error.message, /no release in s3:\/\/memory\/ begins with abcdef012345/);
    assert.equal([pointer(), github.state.deployments.length], [second.id, 0]);
    await run({ ...given, to: first.id.slice(0, 8) }, services);
    assert.is(pointer(), first.id);
  }));

test("a host that refuses fails the step and the deployment", () =>
  twoDeployed(async ({ forge, bucket, github }) => {
    const error = { message: "the release is damaged", hint: null, file: null, line: null };
    const host = hostThat(() => ({ exitCode: 1, print: { ok: false, release: first.id, active: second.id, error } }));
    const thrown = await thrownBy(run(given, testServices({ root: ".", forge, bucket, host })));
    assert.match(thrown.message, /the release is damaged \(the host stays on/);
    assert.is(github.state.deployments[0]?.statuses[0]?.state, "failure");
  }));

test("without the permission to open a deployment the host still goes back, with a warning that names it", () =>
  twoDeployed(
    async ({ forge, bucket, pointer }) => {
      const host = provingHost();
      const services = testServices({ root: ".", forge, bucket, host });
      await run(given, services);
      assert.equal([pointer(), host.asked.length], [first.id, 1]);
      assert.match(services.lines.warn.join("\n"), /goes on without a deployment: could not create a deployment of .*GitHub denies it/);
      assert.match(services.lines.warn.join("\n"), /`deployments: write`/);
    },
    { tokens: { right: { permissions: { "pull-requests": "write", deployments: "read" } } } },
  ));

test("a rollback with nothing before it says what to do, and moves nothing", () =>
  twoDeployed(async ({ forge, bucket, pointer }) => {
    const services = testServices({ root: ".", forge, bucket, host: provingHost() });
    await run(given, services);
    assert.match((await thrownBy(run(given, services))).message, /none is known before it/);
    assert.is(pointer(), first.id);
  }));

test("what is no release's id is refused before anything is done", () => {
  for (const to of ["12345", "HEAD~1", "$(id)", "g".repeat(12)]) {
    assert.throws(() => readInputs(inputs, { INPUT_TO: to }), /the input `to` is .*at least its first six digits/);
  }
});

test.run();
