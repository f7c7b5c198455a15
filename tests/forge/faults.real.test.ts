import { test } from "uvu";
import * as assert from "uvu/assert";
import { badGateway, primaryRateLimit, secondaryRateLimit } from "../../local/github-faults.ts";
import { TransientError, UserError } from "../../src/errors.ts";
import { marker } from "../../src/forge/marker.ts";
import { thrownBy } from "../../src/testkit/thrown-by.ts";
import { withGithub } from "./github-fixture.ts";

const ours = marker("diff", "production");

for (const afterChange of [false, true]) {
  const when = afterChange ? "after the comment was made" : "before anything was done";
  for (const [what, answer] of [
    ["502", badGateway],
    ["closed connection", "connection closed"],
  ] as const) {
    test(`a ${what} ${when} leads to one comment`, () =>
      withGithub({}, async ({ github, forge, waits }) => {
        github.fail({ method: "POST", path: "/comments", answer, afterChange });
        assert.is((await forge.upsertComment(3, ours, "one")).outcome, "created");
        assert.is(github.state.comments.length, 1);
        assert.is(github.requests.filter(({ method }) => method === "POST").length, afterChange ? 1 : 2);
        assert.equal(waits, [1]);
      }));
  }
}

test("a list whose answer breaks off is not taken for a shorter one", () =>
  withGithub({}, async ({ github, forge, waits }) => {
    const { id, url } = await forge.upsertComment(3, ours, "one");
    github.fail({ method: "GET", path: "/comments", answer: "answer broken off" });
    assert.equal(await forge.upsertComment(3, ours, "two"), { id, url, outcome: "updated" });
    github.fail({ method: "POST", path: "/comments", answer: "answer broken off" });
    await forge.upsertComment(3, marker("other"), "one");
    assert.equal([github.state.comments.length, waits], [2, [1, 1]]);
  }));

test("a page of HTML, and a message of several lines, are one line of the error", () =>
  withGithub({}, async ({ github, forge }) => {
    github.fail({ method: "GET", path: "/pulls/3", answer: { status: 422, message: "no\n::error::pwned" } });
    assert.not.match((await thrownBy(forge.pullRequest(3))).message, /\n|pwned/);
    github.fail({ method: "GET", path: "/pulls/3", times: 4, answer: { status: 502, message: "<!DOCTYPE html>\n<p>" } });
    assert.match(
      (await thrownBy(forge.pullRequest(3))).message,
      /^could not read pull request #3: GitHub answers 502 \(with a page of HTML\)$/,
    );
  }));

test("an issue, a deployment and its status are made once although each answer is lost", () =>
  withGithub({}, async ({ github, forge }) => {
    for (const path of ["/issues", "/deployments", "/statuses"]) {
      github.fail({ method: "POST", path, answer: "connection closed", afterChange: true });
    }
    assert.is((await forge.upsertIssue(ours, "Drift", "text", ["drift"])).outcome, "created");
    const { id } = await forge.createDeployment({ ref: "main", environment: "production", description: "", payload: {} });
    await forge.setDeploymentStatus(id, "success", { logUrl: "https://example.com/log", description: "done" });
    assert.is(github.state.issues.size, 1);
    assert.is(github.state.deployments.length, 1);
    assert.is(github.state.deployments[0]?.statuses.length, 1);
  }));

test("a service that stays broken ends in a TransientError after four tries, and nothing is made twice", () =>
  withGithub({}, async ({ github, forge, waits }) => {
    github.fail({ method: "POST", path: "/comments", times: 9, answer: badGateway });
    const error = await thrownBy(forge.upsertComment(3, ours, "one"));
    assert.instance(error, TransientError);
    assert.match(error.message, /^could not comment on #3: GitHub answers 502/);
    assert.equal(waits, [1, 3, 9]);
    assert.is(github.state.comments.length, 0);
  }));

test("what the last try made is found although its answer was lost", () =>
  withGithub({}, async ({ github, forge }) => {
    github.fail({ method: "POST", path: "/comments", times: 3, answer: badGateway });
    github.fail({ method: "POST", path: "/comments", answer: badGateway, afterChange: true });
    assert.is((await forge.upsertComment(3, ours, "one")).outcome, "created");
    assert.is(github.state.comments.length, 1);
  }));

test("a 503 and a secondary rate limit are waited out by retry-after, the latter by a minute when it says nothing", () =>
  withGithub({}, async ({ github, forge, waits }) => {
    github.fail({ method: "GET", path: "/pulls/3", answer: { status: 503, headers: { "retry-after": "7" } } });
    github.fail({ method: "GET", path: "/pulls/3", answer: secondaryRateLimit(17) });
    github.fail({ method: "GET", path: "/pulls/3", answer: { status: 429, headers: { "retry-after": "2" } } });
    github.fail({ method: "GET", path: "/pulls/3", answer: secondaryRateLimit() });
    assert.is((await forge.pullRequest(3)).number, 3);
    assert.equal(waits, [7, 17, 2, 60]);
  }));

test("a used-up hour is waited out when it ends soon", () =>
  withGithub({}, async ({ github, forge, waits }) => {
    github.fail({ method: "POST", path: "/comments", answer: primaryRateLimit(new Date("2026-01-01T00:02:00Z")) });
    assert.is((await forge.upsertComment(3, ours, "one")).outcome, "created");
    assert.equal(waits, [121]);
  }));

test("a wait that is too long ends at once in a TransientError that says until when", () =>
  withGithub({}, async ({ github, forge, waits }) => {
    github.fail({ method: "GET", path: "/pulls/3", answer: primaryRateLimit(new Date("2026-01-01T00:40:00Z")) });
    const hour = await thrownBy(forge.pullRequest(3));
    assert.instance(hour, TransientError);
    assert.match(hour.message, /^could not read pull request #3: GitHub asks to wait until 2026-01-01T00:40:01/);
    github.fail({ method: "GET", path: "/pulls/3", answer: secondaryRateLimit(301) });
    assert.match((await thrownBy(forge.pullRequest(3))).message, /until 2026-01-01T00:05:01/);
    assert.equal(waits, []);
  }));

test("many short waits are too long together", () =>
  withGithub({}, async ({ github, forge, waits }) => {
    github.fail({ method: "GET", path: "/pulls/3", times: 99, answer: secondaryRateLimit(100) });
    assert.instance(await thrownBy(forge.pullRequest(3)), TransientError);
    assert.equal(waits, [100, 100, 100]);
  }));

test("a missing permission is named as the workflow spells it, and is not tried again", () =>
  withGithub({ tokens: { right: { permissions: { "pull-requests": "read", issues: "read" } } } }, async ({ github, forge, waits }) => {
    const error = await thrownBy(forge.upsertComment(3, ours, "one"));
    assert.instance(error, UserError);
    assert.match(error.message, /^could not comment on #3: GitHub denies it \(Resource not accessible by integration/);
    assert.match((error as UserError).hint ?? "", /Put `issues: write`, or `pull-requests: write` under `permissions:` of the job/);
    assert.equal([waits, github.requests.length], [[], 2]);
  }));

test("without GitHub's header, the permission is the one that the call is known to need", () =>
  withGithub({}, async ({ github, forge }) => {
    github.fail({ method: "POST", path: "/deployments", answer: { status: 403, message: "Resource not accessible by integration" } });
    const error = await thrownBy(forge.createDeployment({ ref: "main", environment: "production", description: "", payload: {} }));
    assert.match((error as UserError).hint ?? "", /`deployments: write`/);
  }));

test("a wrong token, and what is not there, say what to do", () =>
  withGithub({}, async ({ forge, forgeWith }) => {
    const denied = await thrownBy(forgeWith("wrong").pullRequest(3));
    assert.instance(denied, UserError);
    assert.match(denied.message, /^could not read pull request #3: GitHub does not accept the token/);
    assert.not.match(`${denied.message}${denied.stack}`, /wrong/);
    const missing = await thrownBy(forge.pullRequest(99));
    assert.instance(missing, UserError);
    assert.match((missing as UserError).hint ?? "", /may not see: the job needs `pull-requests: read`/);
  }));

test.run();
