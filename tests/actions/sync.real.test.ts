import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { planAgainstDeployed } from "../../actions/plan.ts";
import { commentBody, planMarker, reviewedOf } from "../../actions/plan-comment.ts";
import { run } from "../../actions/sync/main.ts";
import { sync } from "../../src/deploy/sync.ts";
import { TransientError, UserError } from "../../src/errors.ts";
import { mark } from "../../src/forge/marker.ts";
import { silentLog } from "../../src/log.ts";
import { contentsOfRelease } from "../../src/plan/contents.ts";
import type { Plan } from "../../src/plan/model.ts";
import { thrownBy } from "../../src/testkit/thrown-by.ts";
import { type ForgeUnderTest, withGithub } from "../forge/github-fixture.ts";
import { scrapeFiles, writeScrape } from "../scrape/make-scrapes.ts";
import { type MemoryBucket, memoryBucket } from "./memory-bucket.ts";
import { makeProject, weather } from "./project.ts";
import { makeRepository, type Repository } from "./repository.ts";
import { hostThat, type TestServices, testServices } from "./services.ts";

const inputs = {
  environment: "production",
  "allow-destructive": false,
  infra: "",
  "github-token": "",
  "comment-author": "",
  "working-directory": ".",
} as const;
const bot = "github-actions[bot]";

/** Runs that are under way, by DAG. */
let inFlight: Record<string, number> = {};
const busyHost = hostThat(() => ({ print: { release: null, healthy: true, dags: 1, problems: [], in_flight: inFlight } }));
test.before.each(() => {
  inFlight = {};
});

interface Deploy {
  readonly github: ForgeUnderTest["github"];
  readonly bucket: MemoryBucket;
  readonly project: ReturnType<typeof makeProject>;
  readonly history: Repository;
  /** The commit that is deployed when the test starts, and the merge of #3 that comes after it. */
  readonly base: string;
  readonly merge: string;
  services(sha?: string): TestServices;
  /** #3 showed this plan in its comment. */
  reviewed(plan: Plan): void;
  plan(): Promise<Plan>;
  label(at: string, by?: string): void;
}

/** The plain scrape is deployed; the pull request #3 is merged. */
async function deploying(work: (deploy: Deploy) => Promise<void>, fixture: Parameters<typeof withGithub>[0] = {}): Promise<void> {
  const [project, history, bucket] = [makeProject(), makeRepository(), memoryBucket()];
  const [base, merge] = [history.commit({ a: "1" }), history.commit({ a: "2" })];
  await sync(await project.render(), bucket, { commit: base, now: new Date(), log: silentLog });
  const head = { ref: "topic", sha: "b".repeat(40), repository: "acme/data" };
  const merged = { state: "closed", mergedAt: "2026-01-02T00:00:00Z", mergeCommit: merge } as const;
  try {
    await withGithub({ git: history.root, pullRequests: [{ number: 3, head, ...merged }], ...fixture }, async ({ github, forge }) => {
      const services = (sha = merge): TestServices => testServices({ root: project.root, forge, bucket, host: busyHost, run: { sha } });
      await work({
        ...{ github, bucket, project, history, base, merge, services },
        plan: async () => planAgainstDeployed(contentsOfRelease(await project.render(), merge), bucket, "production", services()),
        reviewed: (plan) => comment(github, 3, commentBody(reviewedOf(plan, head.sha, "2026-01-01T12:00:00.000Z"), "the plan")),
        label(at, by = "octocat") {
          github.state.pullRequests.get(3)?.labels.push("allow-destructive");
          github.state.labelEvents.push({ id: 1, number: 3, event: "labeled", label: "allow-destructive", by, at });
        },
      });
    });
  } finally {
    project.remove();
    history.remove();
  }
}

function comment(github: ForgeUnderTest["github"], number: number, body: string): void {
  const at = { createdAt: "2026-01-01T00:00:00Z", updatedAt: "2026-01-01T00:00:00Z" };
  const id = github.state.comments.length + 1;
  github.state.comments.push({ id, number, author: bot, body: mark(planMarker("production"), body), ...at });
}

/** Nothing is written, and GitHub has no deployment. Returns what the action says. */
async function refused({ services, bucket, github }: Deploy, given: Partial<typeof inputs> = {}, sha?: string): Promise<UserError> {
  const writes = bucket.writes();
  const error = await thrownBy(run({ ...inputs, ...given }, services(sha)));
  assert.is(bucket.writes(), writes);
  assert.equal(github.state.deployments, []);
  assert.instance(error, UserError);
  return error as UserError;
}

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

test("a plan that is not the reviewed one is deployed with a warning in log and summary", () =>
  deploying(async ({ project, plan, reviewed, services }) => {
    project.write(weather.changed);
    reviewed({ ...(await plan()), id: "e".repeat(64) as Plan["id"] });
    const given = services();
    await run(inputs, given);
    assert.match(
      given.lines.warn.join("\n"),
      /^this is not the plan that was reviewed in #3: plan [0-9a-f]{12} is applied, e{12} was reviewed$/m,
    );
    assert.match(given.written(), /\*\*This is not the plan that was reviewed\*\* in #3/);
  }));

test("a commit that came without a pull request, and one whose pull request has no plan, are deployed and said to be", () =>
  deploying(async ({ project, services, history }) => {
    project.write(weather.changed);
    const given = services();
    await run(inputs, given);
    assert.match(given.lines.warn.join("\n"), /#3 has no comment with a plan/);
    assert.match(given.written(), /#3 \*\*has no comment with a plan\*\*/);
    const pushed = services(history.commit({ a: "3" }));
    await run(inputs, pushed);
    assert.match(pushed.written(), /came \*\*without a pull request\*\*/);
  }));

test("what is destructive where the reviewed plan was not stops before anything is written", () =>
  deploying(async (deploy) => {
    deploy.project.write(weather.changed);
    deploy.reviewed(await deploy.plan());
    deploy.label("2026-01-01T13:00:00Z");
    deploy.project.write(weather.destructive);
    const { message, hint } = await refused(deploy);
    assert.match(message, /^the plan is destructive, and the reviewed one was not\ncolumn no longer filled: column name stays/);
    assert.match(hint ?? "", /^Nothing was changed/);
  }));

test("what is destructive in more than the reviewed plan stops, although that one was allowed", () =>
  deploying(async (deploy) => {
    deploy.project.write(weather.destructive);
    deploy.reviewed(await deploy.plan());
    deploy.label("2026-01-01T13:00:00Z");
    deploy.project.write(weather.worse);
    assert.match((await refused(deploy)).message, /takes away more than the reviewed one\n/);
  }));

test("a destructive plan without a review, without the label, and with a label of before it was shown, stops", () =>
  deploying(async (deploy) => {
    deploy.project.write(weather.destructive);
    assert.match((await refused(deploy)).message, /no review showed it/);
    deploy.reviewed(await deploy.plan());
    assert.match((await refused(deploy)).message, /nobody gave `allow-destructive` for it/);
    deploy.label("2026-01-01T11:00:00Z");
    assert.match((await refused(deploy)).message, /was given before this plan was posted/);
  }));

test("a removed DAG that runs was shown as such, however many of its runs are under way by now", () =>
  deploying(async ({ project, bucket, base, plan, reviewed, label, services }) => {
    writeScrape(project.root, "traffic", scrapeFiles("traffic"));
    await sync(await project.render(), bucket, { commit: base, now: new Date(), log: silentLog });
    rmSync(join(project.root, "scrapes", "traffic"), { recursive: true });
    inFlight = { traffic: 1 };
    const shown = await plan();
    assert.ok(shown.destructive.some(({ what }) => what === "DAG removed while it runs"));
    reviewed(shown);
    label("2026-01-01T13:00:00Z");
    inFlight = { traffic: 3 };
    const given = services();
    await run(inputs, given);
    assert.is(given.outputs.changed, true);
  }));

test("a label that another plan's comment had before is none for a differing plan", () =>
  deploying(async (deploy) => {
    deploy.project.write(weather.destructive);
    deploy.reviewed({ ...(await deploy.plan()), id: "e".repeat(64) as Plan["id"] });
    deploy.label("2026-01-01T11:00:00Z");
    assert.match((await refused(deploy)).message, /nobody gave `allow-destructive` for it/);
  }));

test("a label that the machine gave itself allows nothing", () =>
  deploying(async (deploy) => {
    deploy.project.write(weather.destructive);
    deploy.reviewed(await deploy.plan());
    deploy.label("2026-01-01T13:00:00Z", bot);
    assert.match((await refused(deploy)).message, /a person must give it/);
  }));

for (const [how, id] of [
  ["the reviewed one", undefined],
  ["another that takes away the same", "e".repeat(64)],
] as const) {
  test(`a destructive plan that the label allowed is deployed: ${how}`, () =>
    deploying(async ({ project, plan, reviewed, label, services }) => {
      project.write(weather.destructive);
      const shown = await plan();
      reviewed(id === undefined ? shown : { ...shown, id: id as Plan["id"] });
      label("2026-01-01T13:00:00Z");
      const given = services();
      await run(inputs, given);
      assert.is(given.outputs.changed, true);
    }));
}

test("`allow-destructive` lets a destructive plan through that nobody reviewed", () =>
  deploying(async ({ project, services }) => {
    project.write(weather.destructive);
    const given = services();
    await run({ ...inputs, "allow-destructive": true }, given);
    assert.is(given.outputs.changed, true);
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
