import { test } from "uvu";
import * as assert from "uvu/assert";
import { type LocalGithub, startGithub } from "../../local/github.ts";
import { readGithubDescription } from "../../local/github-description.ts";

let github: LocalGithub;

test.before.each(async () => {
  github = await startGithub({
    repository: "acme/data",
    tokens: { right: { login: "ann" }, poor: { permissions: { contents: "read" } } },
    pullRequests: [{ number: 3, head: { ref: "topic", sha: "b".repeat(40), repository: "acme/data" } }],
  });
});
test.after.each(() => github.stop());

test("each call that the adapter does not make is answered as GitHub describes it, too", async () => {
  assert.is((await send("GET", "")).body.full_name, "acme/data");
  await send("POST", "/issues", { title: "one", labels: ["drift"] });
  await send("POST", "/issues/3/comments", { body: "hello" });
  const [comment] = (await send("GET", "/issues/comments?direction=desc")).body;
  assert.is((await send("GET", `/issues/comments/${comment.id}`)).body.user.login, "ann");
  assert.equal(names((await send("POST", "/issues/3/labels", { labels: ["a b", "c"] })).body), ["a b", "c"]);
  assert.equal(names((await send("DELETE", "/issues/3/labels/a%20b")).body), ["c"]);
  for (const list of ["events", "timeline"]) {
    const events: { event: string; actor: { login: string } }[] = (await send("GET", `/issues/3/${list}`)).body;
    assert.equal(
      events.map(({ event, actor }) => `${event} ${actor.login}`),
      ["labeled ann", "labeled ann", "unlabeled ann"],
    );
  }
  assert.equal(numbers((await send("GET", "/issues?labels=drift")).body), [4]);
  assert.equal(numbers((await send("GET", "/issues?direction=asc")).body), [3, 4]);
  assert.equal(numbers((await send("GET", "/pulls?head=acme:topic")).body), [3]);
  assert.equal(numbers((await send("GET", "/pulls?head=acme:other")).body), []);
  assert.is((await send("GET", "/issues/4")).status, 200);
  assert.equal(github.violations, []);
});

test("a wrong token, a missing permission, another repository and GET /user are refused as GitHub does", async () => {
  assert.equal([(await send("GET", "", undefined, "wrong")).status, (await send("GET", "", undefined, "poor")).status], [401, 200]);
  const refused = await send("POST", "/issues/3/comments", { body: "x" }, "poor");
  assert.equal([refused.status, refused.body.message], [403, "Resource not accessible by integration"]);
  assert.is(refused.headers.get("x-accepted-github-permissions"), "issues=write; pull_requests=write");
  assert.is((await request("GET", "/repos/acme/other")).status, 404);
  assert.is((await request("GET", "/user")).status, 403);
  assert.equal([github.state.comments, github.violations], [[], []]);
});

test("what GitHub's description does not know is refused and written down", async () => {
  assert.is((await send("POST", "/issues/3/comments", { text: "x" })).status, 422);
  assert.is((await send("GET", "/pulls?sate=open")).status, 422);
  assert.is((await send("GET", "/pulls?state=merged")).status, 422);
  assert.is((await send("PUT", "/issues/3")).status, 404);
  assert.equal(github.violations, [
    "POST /repos/acme/data/issues/3/comments: unknown property text in the body",
    "POST /repos/acme/data/issues/3/comments: body must have required property 'body'",
    "GET /repos/acme/data/pulls: unknown query parameter sate",
    "GET /repos/acme/data/pulls: query parameter state must be equal to one of the allowed values",
    "PUT /repos/acme/data/issues/3: the double knows no such call",
  ]);
});

test("an answer that is not as described is found", () => {
  const description = readGithubDescription();
  const [method, template] = ["GET", "/repos/{owner}/{repo}/issues/comments/{comment_id}"];
  const comment = description.example("issue-comment");
  assert.equal(description.checkResponse(method, template, 200, comment), []);
  assert.equal(description.checkResponse(method, template, 200, { ...comment, user: null }), []);
  assert.equal(description.checkResponse(method, template, 200, { ...comment, id: "1" }), ["answer/id must be integer"]);
  assert.equal(description.checkResponse(method, template, 201, comment), ["GitHub's description knows no answer 201"]);
});

test("a list comes in pages of a hundred at most, with links", async () => {
  for (let id = 1; id <= 150; id++) {
    github.state.comments.push({
      id,
      number: 3,
      author: "ann",
      body: `${id}`,
      createdAt: "2026-01-01T00:00:00Z",
      updatedAt: "2026-01-01T00:00:00Z",
    });
  }
  const first = await send("GET", "/issues/3/comments?per_page=500");
  assert.is(first.body.length, 100);
  assert.match(first.headers.get("link") ?? "", /comments\?per_page=500&page=2>; rel="next", <.*&page=2>; rel="last"$/);
  const second = await send("GET", "/issues/3/comments?per_page=500&page=2");
  assert.is(second.body.length, 50);
  assert.not.match(second.headers.get("link") ?? "", /next/);
  assert.is((await send("GET", "/issues/3/comments")).body.length, 30);
});

const send = (method: string, path: string, body?: unknown, token?: string) => request(method, `/repos/acme/data${path}`, body, token);

async function request(method: string, path: string, body?: unknown, token = "right") {
  const response = await fetch(`${github.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) };
}

const names = (labels: readonly { name: string }[]): string[] => labels.map(({ name }) => name);
const numbers = (issues: readonly { number: number }[]): number[] => issues.map(({ number }) => number);

test.run();
