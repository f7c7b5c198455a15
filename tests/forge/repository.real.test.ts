import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { UserError } from "../../src/errors.ts";
import { marker } from "../../src/forge/marker.ts";
import { thrownBy } from "../../src/testkit/thrown-by.ts";
import { withGithub } from "./github-fixture.ts";

const sha = (digit: string): string => digit.repeat(40);
const dir = mkdtempSync(join(tmpdir(), "dagline-forge-"));
test.after(() => rmSync(dir, { recursive: true }));

test("a pull request from a branch, from a fork, and from a fork that is gone", () =>
  withGithub(
    {
      pullRequests: [
        {
          number: 1,
          head: { ref: "topic", sha: sha("b"), repository: "acme/data" },
          base: { ref: "main", sha: sha("a") },
          labels: ["bug"],
        },
        { number: 2, head: { ref: "main", sha: sha("c"), repository: "mallory/data" }, author: "mallory" },
        { number: 3, head: { ref: "main", sha: sha("d"), repository: null }, state: "closed" },
      ],
    },
    async ({ forge }) => {
      assert.equal(await forge.pullRequest(1), {
        number: 1,
        url: "https://github.com/acme/data/pull/1",
        title: "Pull request 1",
        state: "open",
        base: { sha: sha("a"), ref: "main" },
        head: { sha: sha("b"), ref: "topic", repository: "acme/data" },
        fork: false,
        labels: ["bug"],
        merged: false,
        mergeCommit: undefined,
        author: "octocat",
      });
      const fork = await forge.pullRequest(2);
      assert.equal([fork.fork, fork.head.repository, fork.author], [true, "mallory/data", "mallory"]);
      const gone = await forge.pullRequest(3);
      assert.equal([gone.fork, gone.head.repository, gone.state], [true, undefined, "closed"]);
      assert.equal(
        (await forge.openPullRequests()).map(({ number }) => number),
        [2, 1],
      );
    },
  ));

test("a commit leads to the pull request that merged it, not to one that only contains it", () =>
  withGithub(
    {
      pullRequests: [
        { number: 1, head: { ref: "x", sha: sha("e"), repository: "acme/data" } },
        {
          number: 2,
          head: { ref: "y", sha: sha("e"), repository: "acme/data" },
          state: "closed",
          mergedAt: "2026-01-01T00:00:00Z",
          mergeCommit: sha("f"),
        },
        {
          number: 3,
          head: { ref: "z", sha: sha("f"), repository: "acme/data" },
          state: "closed",
          mergedAt: "2026-01-01T00:00:00Z",
          mergeCommit: sha("9"),
        },
      ],
    },
    async ({ forge }) => {
      const merged = await forge.pullRequestOfCommit(sha("f"));
      assert.equal([merged?.number, merged?.merged, merged?.mergeCommit], [2, true, sha("f")]);
      assert.is((await forge.pullRequestOfCommit(sha("e")))?.number, 2);
      assert.is(await forge.pullRequestOfCommit(sha("1")), undefined);
    },
  ));

test("a label counts from when it was given last, and not once it is taken away", () =>
  withGithub({}, async ({ github, forge }) => {
    const event = (id: number, event: "labeled" | "unlabeled", label: string, by: string, minute: number): void => {
      github.state.labelEvents.push({ id, number: 3, event, label, by, at: `2026-01-01T00:0${minute}:00Z` });
    };
    event(1, "labeled", "allow-destructive", "ann", 1);
    event(2, "labeled", "bug", "ann", 2);
    event(3, "unlabeled", "allow-destructive", "bob", 3);
    event(4, "labeled", "allow-destructive", "bob", 4);
    event(5, "unlabeled", "bug", "ann", 5);
    assert.equal(await forge.labelEvents(3), [{ label: "allow-destructive", at: "2026-01-01T00:04:00Z", by: "bob" }]);
  }));

test("all pages of a pull request's files are read, up to where GitHub stops", () =>
  withGithub({}, async ({ github, forge }) => {
    const pull = github.state.pullRequests.get(3);
    assert.ok(pull);
    pull.files = Array.from({ length: 230 }, (_, index) => ({ filename: `scrapes/${index}.yml`, status: "modified" }));
    pull.files.push({ filename: "new.ts", status: "renamed", previous_filename: "old.ts" });
    const { files, complete } = await forge.changedFiles(3);
    assert.equal([files.length, complete], [231, true]);
    assert.equal(files.at(-1), { path: "new.ts", status: "renamed", previousPath: "old.ts" });
    pull.files = Array.from({ length: 3100 }, (_, index) => ({ filename: `${index}`, status: "added" }));
    const many = await forge.changedFiles(3);
    assert.equal([many.files.length, many.complete], [3000, false]);
  }));

test("a commit is an ancestor by the real history", async () => {
  const git = (...args: string[]): string => execFileSync("git", ["-C", dir, ...args], { encoding: "utf8" }).trim();
  const commit = (name: string): string => {
    git("-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "--allow-empty", "-m", name);
    return git("rev-parse", "HEAD");
  };
  git("init", "-q", "-b", "main");
  const first = commit("first");
  const second = commit("second");
  git("checkout", "-q", "-b", "side", first);
  const side = commit("side");
  await withGithub({ git: dir }, async ({ forge }) => {
    assert.is(await forge.isAncestor(first, second), true);
    assert.is(await forge.isAncestor(second, first), false);
    assert.is(await forge.isAncestor(second, second), true);
    assert.is(await forge.isAncestor(second, side), false);
    assert.instance(await thrownBy(forge.isAncestor(sha("0"), second)), UserError);
  });
});

test("a deployment is made without merging or waiting for checks, and goes through its states", () =>
  withGithub({}, async ({ github, forge }) => {
    const { id } = await forge.createDeployment({
      ref: sha("a"),
      environment: "production",
      description: "d".repeat(200),
      payload: { plan: "p" },
    });
    await forge.setDeploymentStatus(id, "in_progress");
    await forge.setDeploymentStatus(id, "success", { url: "https://example.com", logUrl: "https://example.com/log", description: "live" });
    const [deployment] = github.state.deployments;
    assert.is(deployment?.description?.length, 140);
    assert.match(JSON.stringify(deployment?.payload), /"plan":"p"/);
    assert.equal(
      deployment?.statuses.map(({ state, environmentUrl, logUrl }) => [state, environmentUrl, logUrl]),
      [
        ["success", "https://example.com", "https://example.com/log"],
        ["in_progress", "", ""],
      ],
    );
  }));

test("a deployment with the key of an earlier one is that one", () =>
  withGithub({}, async ({ forge }) => {
    const wanted = { ref: "main", environment: "production", description: "", payload: {}, key: "run-7" };
    const first = await forge.createDeployment(wanted);
    assert.equal(await forge.createDeployment(wanted), first);
    assert.is.not((await forge.createDeployment({ ...wanted, key: "run-8" })).id, first.id);
  }));

test("an issue is opened once, edited, closed with a comment, and not opened again", () =>
  withGithub({}, async ({ github, forge }) => {
    const ours = marker("drift", "production");
    const opened = await forge.upsertIssue(ours, "Drift", "one", ["drift"]);
    github.state.issues.get(opened.number)?.labels.push("seen");
    assert.is((await forge.upsertIssue(ours, "Drift", "one", ["drift"])).outcome, "unchanged");
    assert.is((await forge.upsertIssue(ours, "Drift", "two", ["drift"])).outcome, "updated");
    assert.equal(await forge.findIssue(ours), {
      number: opened.number,
      id: opened.id,
      url: opened.url,
      title: "Drift",
      body: "two",
      labels: ["drift", "seen"],
      state: "open",
    });
    await forge.closeIssue(opened.number, "healed");
    await forge.closeIssue(opened.number, "healed");
    assert.is(github.state.issues.get(opened.number)?.state, "closed");
    assert.is(github.state.comments.length, 1);
    assert.match(github.state.comments[0]?.body ?? "", /\nhealed$/);
    assert.is(await forge.findIssue(ours), undefined);
    const later = await forge.upsertIssue(ours, "Drift", "three", ["drift"]);
    assert.equal([later.outcome, later.number], ["created", opened.number + 1]);
  }));

test("when only the closing fails, the next try does not comment again", () =>
  withGithub({}, async ({ github, forge }) => {
    const { number } = await forge.upsertIssue(marker("drift"), "Drift", "one", []);
    github.fail({ method: "PATCH", path: "/issues/", answer: { status: 403, message: "no" } });
    assert.instance(await thrownBy(forge.closeIssue(number, "healed")), UserError);
    await forge.closeIssue(number, "healed");
    assert.equal([github.state.comments.length, github.state.issues.get(number)?.state], [1, "closed"]);
  }));

test.run();
