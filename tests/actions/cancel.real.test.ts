import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { root } from "../../local/paths.ts";
import { type LocalSsm, startSsmServer } from "../../local/ssm-server.ts";
import { decodeHostRequest } from "../../src/backfill/host-request.ts";
import { until } from "../until.ts";
import { builtActions } from "./built.ts";

// The action as the runner starts and ends it, over SSM to a host whose agent answers what a file says. tests/backfill/airflow.real.test.ts has a real one.
const workspace = mkdtempSync(join(tmpdir(), "dagline-cancel-"));
const instance = "i-0123456789abcdef0";
const credentials = { accessKeyId: "local", secretAccessKey: "secret" };
const inputs = { dag: "demo", from: "2024-01", to: "2024-03", "dry-run": "false" };
let actions: Awaited<ReturnType<typeof builtActions>>;
let ssm: LocalSsm;

test.before(async () => {
  mkdirSync(join(workspace, ".github"));
  writeFileSync(
    join(workspace, ".github", "environments.yml"),
    `production:\n  region: eu-west-2\n  bucket: some-bucket\n  instance: ${instance}\n`,
  );
  mkdirSync(join(workspace, "bin"));
  // $1 backfill, $2 the action, $4 the request; a start that has to wait does so until it is killed or let go.
  writeFileSync(
    join(workspace, "bin", "dagline-agent"),
    `#!/bin/sh\ncd "$DAGLINE_HOME"\necho "$2 $4" >> asked\nwhile [ -e "hold-$2" ]; do sleep 0.05; done\ncat "$2.json"\n`,
  );
  chmodSync(join(workspace, "bin", "dagline-agent"), 0o755);
  answer("dry-run", {
    ...{ dag: "demo", release: "1".repeat(64), kind: "schedule", timezone: "UTC", paused: false, running: null },
    ...{ counts: { create: 3, reprocess: 0, skip: 0 }, under_way: 0, runs: [], more: 0, notes: [] },
  });
  answer("start", { id: "7", resumed: false });
  answer("status", { id: "7", done: false, total: 3, counts: { queued: 2, running: 1 }, runs: [], more: 0, failures: [], halted: null });
  answer("cancel", { id: "7", cancelled: 2, running: 1 });
  const env = { PATH: process.env.PATH, DAGLINE_HOME: workspace };
  ssm = await startSsmServer({ documentsDir: join(root, "infra", "ssm"), instanceId: instance, env, region: "eu-west-2", credentials });
  actions = await builtActions();
});
test.after(async () => {
  actions?.remove();
  await ssm?.stop();
  rmSync(workspace, { recursive: true, force: true });
});
test.before.each(() => {
  rmSync(join(workspace, "asked"), { force: true });
});

test("cancelled as the runner does, by SIGINT, the step cancels the backfill within its 7.5 s, and the post part leaves it so", async () => {
  const { child, ended } = start();
  await until("a look at it", () => asked().includes("status"));
  const began = performance.now();
  child.kill("SIGINT");
  const { code, stdout, outputs, states } = await ended;
  const seconds = (performance.now() - began) / 1000;
  assert.ok(seconds < 7.5, `${seconds} s`);
  assert.is(code, 1);
  assert.equal([asked().at(-1), outputs.outcome], ["cancel", "cancelled"]);
  assert.match(stdout, /backfill 7 is cancelled: 2 queued runs are ended, 1 that had begun finish/);
  const before = asked();
  assert.is((await post(states)).code, 0);
  assert.equal(asked(), before);
});

test("a step that was killed leaves its backfill to the post part, which cancels it", async () => {
  const { child, ended } = start();
  await until("a look at it", () => asked().includes("status"));
  child.kill("SIGKILL");
  const { code, states } = await ended;
  assert.is(code, null);
  assert.not.ok(asked().includes("cancel"));
  const { code: posted, stdout, summary } = await post(states);
  assert.equal([posted, asked().at(-1), lastRequest().id], [0, "cancel", "7"]);
  assert.match(stdout, /backfill 7 is cancelled/);
  assert.match(summary, /### Backfill of `demo`: cancelled/);
});

test("a step that was killed before the host had said which backfill it is leaves its request", async () => {
  writeFileSync(join(workspace, "hold-start"), "");
  const { child, ended } = start();
  await until("the start", () => asked().includes("start"));
  child.kill("SIGKILL");
  const { states } = await ended;
  rmSync(join(workspace, "hold-start"));
  const { stdout } = await post(states);
  const { id, request } = lastRequest();
  assert.equal([asked().at(-1), id, request.dag, request.from, request.to], ["cancel", null, "demo", "2024-01", "2024-03"]);
  assert.match(stdout, /backfill 7 is cancelled/);
});

test("what was only shown, was refused, or has ended is nothing for the post part", async () => {
  const progress = { id: "7", total: 3, runs: [], more: 0, failures: [], halted: null };
  answer("status", { ...progress, done: true, counts: { success: 3 } });
  for (const [given, outcome] of [
    [{ ...inputs, "dry-run": "true" }, "planned"],
    [inputs, "success"],
    [{ ...inputs, from: "x" }, undefined],
  ] as const) {
    const { outputs, states } = await actions.run("backfill", step(given));
    assert.is(outputs.outcome, outcome);
    const before = asked();
    assert.is((await post(states)).stdout, "");
    assert.equal(asked(), before);
  }
});

function answer(action: string, value: object): void {
  writeFileSync(join(workspace, `${action}.json`), `${JSON.stringify({ ok: true, ...value })}\n`);
}

function step(given: Readonly<Record<string, string>>) {
  const aws = { AWS_ACCESS_KEY_ID: credentials.accessKeyId, AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey };
  return { workspace, with: given, env: { ...aws, AWS_ENDPOINT_URL_SSM: ssm.endpoint } };
}

function start() {
  return actions.start("backfill", step(inputs));
}

function post(states: Readonly<Record<string, string>>) {
  return actions.run("backfill-post", { ...step(inputs), states });
}

/** What the host was asked, in order. */
function asked(): string[] {
  return lines().map((line) => line.split(" ")[0] ?? "");
}

function lastRequest() {
  return decodeHostRequest(lines().at(-1)?.split(" ")[1] ?? "");
}

function lines(): string[] {
  const file = join(workspace, "asked");
  return existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : [];
}

test.run();
