import { test } from "uvu";
import * as assert from "uvu/assert";
import type { LocalGithub } from "../../local/github.ts";
import { UserError } from "../../src/errors.ts";
import { mark, marker } from "../../src/forge/marker.ts";
import { thrownBy } from "../../src/testkit/thrown-by.ts";
import { withGithub } from "./github-fixture.ts";

const ours = marker("diff", "production");
const bot = "github-actions[bot]";

test("the first push comments, the second edits the same comment, and the same text changes nothing", () =>
  withGithub({}, async ({ github, forge }) => {
    const first = await forge.upsertComment(3, ours, "one");
    const second = await forge.upsertComment(3, ours, "two");
    const third = await forge.upsertComment(3, ours, "two");
    assert.equal([first.outcome, second.outcome, third.outcome], ["created", "updated", "unchanged"]);
    assert.equal([second.id, third.id, third.url], [first.id, first.id, first.url]);
    assert.equal(
      github.state.comments.map(({ body }) => body),
      [`${ours}\ntwo`],
    );
    assert.is(github.requests.filter(({ method }) => method === "PATCH").length, 1);
  }));

test("the comment is found on the third page", () =>
  withGithub({}, async ({ github, forge }) => {
    for (let count = 0; count < 250; count++) add(github, "someone", `comment ${count}`);
    const id = add(github, bot, mark(ours, "one"));
    const { outcome, id: edited } = await forge.upsertComment(3, ours, "two");
    assert.equal([outcome, edited], ["updated", id]);
    assert.is(github.requests.filter(({ method }) => method === "GET").length, 3);
    assert.is(github.state.comments.length, 251);
  }));

test("someone else's comment with the same marker, and one that quotes it, are left alone", () =>
  withGithub({}, async ({ github, forge }) => {
    add(github, "mallory", mark(ours, "mine"));
    add(github, bot, `> ${ours}\nquoted`);
    add(github, bot, `${marker("diff", "staging")}\nanother environment's`);
    assert.is(await forge.findComment(3, ours), undefined);
    assert.is((await forge.findComment(3, ours, "mallory"))?.body, "mine");
    assert.is((await forge.upsertComment(3, ours, "two")).outcome, "created");
    assert.is(github.state.comments[0]?.body, `${ours}\nmine`);
  }));

test("of two that an old race left, the first is edited, with a warning", () =>
  withGithub({}, async ({ github, forge, warnings }) => {
    const first = add(github, bot, mark(ours, "one"));
    add(github, bot, mark(ours, "other"));
    assert.is((await forge.upsertComment(3, ours, "two")).id, first);
    assert.equal(
      github.state.comments.map(({ body }) => body),
      [`${ours}\ntwo`, `${ours}\nother`],
    );
    assert.match(warnings[0] ?? "", /#3 has 2 comments with the same marker/);
  }));

test("the author is whoever the token is said to be", () =>
  withGithub({ tokens: { app: { login: "dagline[bot]" } } }, async ({ github, forgeWith }) => {
    const forge = forgeWith("app", "Dagline[bot]");
    await forge.upsertComment(3, ours, "one");
    assert.is((await forge.upsertComment(3, ours, "two")).outcome, "updated");
    assert.is(github.state.comments[0]?.author, "dagline[bot]");
  }));

test("hostile text arrives as it is", () =>
  withGithub({}, async ({ github, forge }) => {
    const text = "`$(touch x)` @everyone <script>--> <!-- ::set-output name=x::y\r\n$" + "{{ github.token }} {owner} \u0000\u{1f4a9}%0A";
    const hostile = marker("--> <b>", "x y", "$&");
    await forge.upsertComment(3, hostile, text);
    assert.is(github.state.comments[0]?.body, `${hostile}\n${text}`);
    assert.is((await forge.upsertComment(3, hostile, text)).outcome, "unchanged");
    assert.match(hostile, /^<!-- [^<>-]+ -->$/);
  }));

test("a comment that GitHub would refuse for its length is refused before the call", () =>
  withGithub({}, async ({ github, forge }) => {
    const most = 65_536 - ours.length - 1;
    assert.is((await forge.upsertComment(3, ours, "x".repeat(most))).outcome, "created");
    const error = await thrownBy(forge.upsertComment(3, ours, "x".repeat(most + 1)));
    assert.instance(error, UserError);
    assert.match(error.message, /65537 characters, and GitHub takes 65536/);
    assert.is(github.requests.filter(({ method }) => method !== "GET").length, 1);
  }));

function add(github: LocalGithub, author: string, body: string): number {
  const id = github.state.comments.length + 1;
  github.state.comments.push({ id, number: 3, author, body, createdAt: "2026-01-01T00:00:00Z", updatedAt: "2026-01-01T00:00:00Z" });
  return id;
}

test.run();
