import { test } from "uvu";
import * as assert from "uvu/assert";

import { commentBody, reviewedOf } from "../../actions/plan-comment.ts";
import { run } from "../../actions/sync/main.ts";
import { sync } from "../../src/deploy/sync.ts";
import { TransientError, UserError } from "../../src/errors.ts";

import { silentLog } from "../../src/log.ts";

import type { Plan } from "../../src/plan/model.ts";
import { thrownBy } from "../../src/testkit/thrown-by.ts";
import { comment, deploying, inputs, refused } from "./deploying.ts";
import type { MemoryBucket } from "./memory-bucket.ts";
import { makeProject, weather } from "./project.ts";

test("the reviewed plan is deployed: files, pointer, a deployment of this commit that is in progress, the plan in the summary", () =>
  deploying(async (deploy) => {
    deploy.project.write(weather.changed);
    const plan = await deploy.plan();
    deploy.reviewed(plan);
    const services = deploy.services();
    await run(inputs, services);
    const pointer = JSON.parse(Buffer.from(deploy.bucket.objects.get("current.json")?.body ?? "").toString());
    assert.equal([pointer.release, pointer.commit], [plan.next.release, deploy.merge]);
    const [made] = deploy.github.state.deployments;
    assert.equal([made?.ref, made?.environment, made?.statuses.map(({ state }) => state)], [deploy.merge, "production", ["in_progress"]]);
    assert.is(made?.statuses[0]?.logUrl, services.run.url);
    assert.equal(services.outputs, { deployment: made?.id, release: plan.next.release, changed: true, plan: plan.id });
    assert.equal(services.lines.warn, []);
    assert.match(services.written(), /### Deploys to `production`\n\nThis is the plan that was reviewed in #3\.\n\n\*\*DAGs: 1 changed/);
  }));

test("a retry of the run does not make a second deployment; a second attempt does", () =>
  deploying(async ({ project, services, github }) => {
    project.write(weather.changed);
    await run(inputs, services());
    await run(inputs, services());
    assert.is(github.state.deployments.length, 1);
    const again = services();
    await run(inputs, { ...again, run: { ...again.run, attempt: "2" } });
    assert.is(github.state.deployments.length, 2);
  }));

test("a commit that is older than the deployed one is refused before anything is done", () =>
  deploying(async (deploy) => {
    deploy.project.write(weather.changed);
    const older = deploy.base;
    await run(inputs, deploy.services());
    deploy.github.state.deployments.length = 0;
    deploy.project.write(weather.plain);
    const { message, hint } = await refused(deploy, {}, older);
    assert.match(message, new RegExp(`^commit ${older.slice(0, 12)} is older than the deployed one, ${deploy.merge.slice(0, 12)}$`));
    assert.match(hint ?? "", /rollback/);
  }));

test("a deployed commit that is not in this one's history is warned of", () =>
  deploying(async ({ bucket, project, history, services }) => {
    bucket.objects.clear();
    const aside = history.aside({ b: "1" });
    await sync(await project.render(), bucket, { commit: aside, now: new Date(), log: silentLog });
    project.write(weather.changed);
    const given = services();
    await run(inputs, given);
    assert.match(given.lines.warn.join("\n"), /is not in the history of .*: was main rewritten\?/);
  }));

test("where there is nothing to deploy, the step succeeds, moves nothing and still opens a deployment for the proof", () =>
  deploying(async ({ bucket, services, github }) => {
    const writes = bucket.writes();
    const given = services();
    await run(inputs, given);
    assert.is(bucket.writes(), writes);
    assert.is(given.outputs.changed, false);
    assert.is(github.state.deployments.length, 1);
    assert.match(given.lines.info.join("\n"), /is deployed already: nothing to sync/);
    assert.match(given.written(), /\*\*Nothing to deploy/);
  }));

test("a sync that fails sets the deployment to failure, and its error is the step's", () =>
  deploying(async ({ bucket, project, services, github }) => {
    project.write(weather.changed);
    const given = services();
    const full = { ...bucket, put: () => Promise.reject(new TransientError("the bucket is down")) };
    const error = await thrownBy(run(inputs, { ...given, bucket: async () => full }));
    assert.match(error.message, /the bucket is down/);
    const [status] = github.state.deployments[0]?.statuses ?? [];
    assert.equal([status?.state, status?.description], ["failure", "the bucket is down"]);
    // That GitHub can't be told either does not hide it.
    const denied = { status: 403, message: "Resource not accessible by integration" };
    const put = () => {
      github.fail({ method: "POST", path: "/statuses", answer: denied });
      return Promise.reject(new TransientError("the bucket is down"));
    };
    const untold = { ...given, bucket: async () => ({ ...bucket, put }), run: { ...given.run, attempt: "2" } };
    assert.match((await thrownBy(run(inputs, untold))).message, /the bucket is down/);
    assert.match(given.lines.warn.join("\n"), /state could not be set: could not set deployment \d+ to failure: GitHub denies it/);
  }));

test("a workflow that was cancelled before the release is sent sends nothing, and the deployment ends in error", () =>
  deploying(async ({ bucket, project, services, github }) => {
    project.write(weather.changed);
    const writes = bucket.writes();
    const controller = new AbortController();
    const summary = (): void => controller.abort(new UserError("the workflow was cancelled"));
    const error = await thrownBy(run(inputs, { ...services(), signal: controller.signal, summary }));
    assert.is(error.message, "the workflow was cancelled");
    assert.equal([bucket.writes(), github.state.deployments[0]?.statuses[0]?.state], [writes, "error"]);
  }));

test("without the permission to open a deployment nothing is sent, and the error names it", () =>
  deploying(
    async ({ bucket, project, services }) => {
      project.write(weather.changed);
      const writes = bucket.writes();
      const error = await thrownBy(run(inputs, services()));
      assert.instance(error, UserError);
      assert.match(
        `${error.message} ${(error as UserError).hint}`,
        /could not create a deployment of .*GitHub denies it.*`deployments: write`/,
      );
      assert.is(bucket.writes(), writes);
    },
    { tokens: { right: { permissions: { "pull-requests": "write", issues: "read", contents: "read", deployments: "read" } } } },
  ));

test("another deploy that comes in between stops this one: its plan is no longer what would happen", () =>
  deploying(async ({ bucket, project, services }) => {
    const other = makeProject();
    other.write({ ...weather.plain, "config/config.json": '{ "limit": 9 }\n' });
    const between = await other.render();
    other.remove();
    project.write(weather.changed);
    const given = services();
    let pointerReads = 0;
    const raced: MemoryBucket = {
      ...bucket,
      async get(key) {
        if (key === "current.json" && ++pointerReads === 3) await sync(between, bucket, { commit: null, now: new Date(), log: silentLog });
        return bucket.get(key);
      },
    };
    const error = await thrownBy(run(inputs, { ...given, bucket: async () => raced }));
    assert.instance(error, TransientError);
    assert.match(error.message, /the pointer has moved since its plan was made/);
  }));

test("comments of open pull requests are marked outdated, once, and those that start from the new release are not", () =>
  deploying(
    async ({ project, plan, services, github }) => {
      const before = await plan();
      project.write(weather.changed);
      const deployed = await plan();
      const from = (base: Plan["base"]) =>
        commentBody(reviewedOf({ ...before, base }, "b".repeat(40), "2026-01-01T12:00:00.000Z"), "## What");
      comment(github, 5, from(before.base));
      comment(github, 6, from(deployed.next));
      comment(github, 7, "edited by a person");
      await run(inputs, services());
      const bodies = () => github.state.comments.map(({ body }) => body);
      const short = deployed.next.release.slice(0, 12);
      assert.match(
        bodies()[0] ?? "",
        new RegExp(`-->\n> \\[!WARNING\\]\n> \\*\\*Outdated\\.\\*\\* Release \`${short}\` was deployed since: .*\n\n## What`),
      );
      assert.not.match(bodies().slice(1).join("\n"), /Outdated/);
      // The next deploy says it anew, and not a second time.
      project.write(weather.destructive);
      await run({ ...inputs, "allow-destructive": true }, services());
      assert.is(bodies()[0]?.split("**Outdated.**").length, 2);
      assert.not.match(bodies()[0] ?? "", new RegExp(short));
      assert.match(bodies()[1] ?? "", /Outdated/);
    },
    { pullRequests: [5, 6, 7].map((number) => ({ number, head: { ref: "t", sha: "b".repeat(40), repository: "acme/data" } })) },
  ));

test("that comments can't be marked outdated is a warning that names the permission, and the deploy is done", () =>
  deploying(async ({ project, services, github }) => {
    project.write(weather.changed);
    const denied = { status: 403, message: "Resource not accessible by integration" };
    github.fail({ method: "GET", path: "/repos/acme/data/pulls", answer: denied });
    const given = services();
    await run(inputs, given);
    assert.is(given.outputs.changed, true);
    assert.match(given.lines.warn.join("\n"), /could not be marked outdated: could not list the open pull requests/);
  }));

test.run();
