import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";

import { run } from "../../actions/sync/main.ts";
import { sync } from "../../src/deploy/sync.ts";

import { silentLog } from "../../src/log.ts";

import type { Plan } from "../../src/plan/model.ts";

import { scrapeFiles, writeScrape } from "../scrape/make-scrapes.ts";
import { bot, deploying, inputs, refused } from "./deploying.ts";
import { weather } from "./project.ts";

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
  deploying(async ({ project, bucket, base, plan, reviewed, label, services, inFlight }) => {
    writeScrape(project.root, "traffic", scrapeFiles("traffic"));
    await sync(await project.render(), bucket, { commit: base, now: new Date(), log: silentLog });
    rmSync(join(project.root, "scrapes", "traffic"), { recursive: true });
    inFlight.traffic = 1;
    const shown = await plan();
    assert.ok(shown.destructive.some(({ what }) => what === "DAG removed while it runs"));
    reviewed(shown);
    label("2026-01-01T13:00:00Z");
    inFlight.traffic = 3;
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

test.run();
