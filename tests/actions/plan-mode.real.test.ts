import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type DiffInputs, run } from "../../actions/diff/main.ts";
import { commentBody, planMarker, reviewedOf } from "../../actions/plan-comment.ts";
import { readPreview } from "../../actions/preview-file.ts";
import { sync } from "../../src/deploy/sync.ts";
import { UserError } from "../../src/errors.ts";
import { mark } from "../../src/forge/marker.ts";
import { silentLog } from "../../src/log.ts";
import { renderProject } from "../../src/release/render-project.ts";
import { thrownBy } from "../../src/testkit/thrown-by.ts";
import { type ForgeUnderTest, withGithub } from "../forge/github-fixture.ts";
import { memoryBucket } from "./memory-bucket.ts";
import { weather } from "./project.ts";
import { makeRepository, type Repository, under } from "./repository.ts";
import { silentHost, type TestServices, testServices } from "./services.ts";

const inputs: DiffInputs = {
  mode: "plan",
  environment: "production",
  base: "auto",
  infra: false,
  folder: "preview",
  "github-token": "",
  "comment-author": "",
  "working-directory": ".",
};
let repository: Repository;
let base: string;
test.before.each(() => {
  repository = makeRepository();
  base = repository.commit({ ...under("weather", weather.plain), ".gitignore": "preview/\n.local/\n" });
});
test.after.each(() => repository.remove());

type Parts = Partial<Parameters<typeof testServices>[0]>;

/** The services of a preview of a pull request that makes `weather` so. */
function pushed(files: Readonly<Record<string, string>>, parts: Parts = {}): TestServices {
  const head = repository.commit(under("weather", files));
  const payload = { pull_request: { number: 3, head: { sha: head }, base: { sha: base } } };
  return testServices({ root: repository.root, run: { event: "pull_request", sha: head, payload }, ...parts });
}

const previewOf = () => readPreview(join(repository.root, "preview"));

test("without credentials the plan is made against the base branch, and log, summary, outputs and preview say so", async () => {
  const services = pushed(weather.changed);
  await run(inputs, services);
  assert.match(
    services.written(),
    /^Compared with the base branch: this run has no credentials for the cloud[^\n]+\n\n\*\*DAGs: 1 changed/,
  );
  assert.match(services.lines.info.join("\n"), /^Compared with the base branch/);
  const preview = previewOf();
  assert.equal(
    [preview.pull, preview.commit, preview.basis, preview.environment],
    [3, services.run.payload.pull_request && services.run.sha, "branch", "production"],
  );
  assert.equal(preview.plan.base?.commit, base);
  assert.equal(services.outputs, {
    plan: preview.plan.id,
    release: preview.plan.next.release,
    nothing: false,
    destructive: 0,
    basis: "branch",
  });
  assert.is(readFileSync(join(repository.root, "preview", "plan.md"), "utf8"), services.written());
});

test("with credentials the plan is made against what is deployed; a host that may not be asked is only warned of", async () => {
  const bucket = memoryBucket();
  await sync(await renderProject(repository.root, silentLog), bucket, { commit: base, now: new Date(), log: silentLog });
  const services = pushed(weather.changed, { hasCloud: true, bucket, host: silentHost });
  await run(inputs, services);
  assert.match(services.written(), /^Compared with what is deployed\./);
  assert.is(services.outputs.basis, "deployed");
  assert.match(services.lines.warn.join("\n"), /runs in flight and paused DAGs are not known/);
  // Nobody deployed meanwhile: it is the plan that a fork's run makes.
  const fork = testServices({ root: repository.root, run: services.run });
  await run(inputs, fork);
  assert.is(fork.outputs.plan, services.outputs.plan);
});

test("`base: none` takes everything for new, and needs neither Git nor the cloud", async () => {
  const services = pushed(weather.plain);
  await run({ ...inputs, base: "none" }, services);
  assert.match(services.written(), /^Compared with nothing: everything is new\.\n\n\*\*DAGs: 1 added/);
});

test("without a pull request nothing is handed to the comment workflow, and `base: branch` says what is missing", async () => {
  const services = testServices({ root: repository.root });
  await run(inputs, services);
  assert.is(services.outputs.basis, "none");
  assert.throws(previewOf, /is missing/);
  const error = await thrownBy(run({ ...inputs, base: "branch" }, services));
  assert.match(`${error.message} ${(error as UserError).hint}`, /this run has no pull request.*base: deployed/);
});

test("a change of documentation is nothing that runs; no change is nothing to deploy", async () => {
  const same = pushed(weather.plain);
  await run(inputs, same);
  assert.is(same.outputs.nothing, true);
  const docs = pushed({ ...weather.plain, "README.md": "# other words\n" });
  await run(inputs, docs);
  assert.ok(previewOf().plan.documentationOnly);
  assert.is(docs.outputs.destructive, 0);
});

test("a base commit that is not in the checkout says to fetch it", async () => {
  const services = pushed(weather.changed);
  const payload = { pull_request: { number: 3, head: { sha: base }, base: { sha: "f".repeat(40) } } };
  const error = await thrownBy(run(inputs, { ...services, run: { ...services.run, payload } }));
  assert.match((error as UserError).hint ?? "", /fetch-depth: 0/);
});

/** What the destructive pull request is told, with this comment and these label events. */
async function told(under: ForgeUnderTest, services: TestServices): Promise<string> {
  const error = await thrownBy(run(inputs, { ...services, forge: () => under.forge }));
  assert.instance(error, UserError);
  assert.match(error.message, /^the plan is destructive\ncolumn no longer filled: /);
  // The preview is there all the same: its comment is what is to be read.
  assert.is(previewOf().plan.destructive.length, 1);
  return (error as UserError).hint ?? "";
}

function label({ github }: ForgeUnderTest, at: string, by = "octocat"): void {
  const pull = github.state.pullRequests.get(3);
  if (pull !== undefined && !pull.labels.includes("allow-destructive")) pull.labels.push("allow-destructive");
  github.state.labelEvents.push({
    id: github.state.labelEvents.length + 1,
    number: 3,
    event: "labeled",
    label: "allow-destructive",
    by,
    at,
  });
}

function show({ github }: ForgeUnderTest, id = previewOf().plan.id): void {
  const body = commentBody(reviewedOf({ ...previewOf().plan, id }, "b".repeat(40), "2026-01-01T12:00:00.500Z"), "the plan");
  const at = { createdAt: "2026-01-01T12:00:01Z", updatedAt: "2026-01-01T12:00:01Z" };
  github.state.comments.length = 0;
  github.state.comments.push({ id: 1, number: 3, author: "github-actions[bot]", body: mark(planMarker("production"), body), ...at });
}

test("a destructive plan fails until its comment was read and the label given, and says each time what is next", () =>
  withGithub({}, async (under) => {
    const services = pushed(weather.destructive);
    assert.match(
      await told(under, services),
      /Its comment is posted when this run ends\. Read it, then give the pull request the label `allow-destructive`\.$/,
    );
    show(under);
    assert.match(await told(under, services), /^If that is what you want, give the pull request the label/);
    label(under, "2026-01-01T12:00:02Z");
    await run(inputs, { ...services, forge: () => under.forge });
    assert.match(services.lines.warn.join("\n"), /destructive, and allowed by its label/);
  }));

test("a label that was given before the plan was posted, even in the same second, is to be given anew", () =>
  withGithub({}, async (under) => {
    const services = pushed(weather.destructive);
    label(under, "2026-01-01T12:00:00Z");
    assert.match(await told(under, services), /`allow-destructive` anew\.$/);
    show(under);
    assert.match(await told(under, services), /was given before this plan was posted: take it away, read the comment, and give it again/);
  }));

test("a label for another plan, and one that the machine gave, allow nothing", () =>
  withGithub({}, async (under) => {
    const services = pushed(weather.destructive);
    await told(under, services);
    show(under, "e".repeat(64) as ReturnType<typeof previewOf>["plan"]["id"]);
    label(under, "2026-01-01T13:00:00Z");
    assert.match(await told(under, services), /Its comment is posted when this run ends.* anew\.$/);
    show(under);
    label(under, "2026-01-01T14:00:00Z", "GitHub-Actions[bot]");
    assert.match(await told(under, services), /a person must give it/);
  }));

test("a destructive plan without a pull request is a warning: the deploy decides", async () => {
  repository.commit(under("weather", weather.destructive));
  const bucket = memoryBucket();
  await sync(await renderProject(repository.root, silentLog), bucket, { commit: base, now: new Date(), log: silentLog });
  repository.commit(under("weather", weather.worse));
  const services = testServices({ root: repository.root, bucket, host: silentHost, hasCloud: true });
  await run(inputs, services);
  assert.match(services.lines.warn.join("\n"), /the plan is destructive/);
});

test.run();
