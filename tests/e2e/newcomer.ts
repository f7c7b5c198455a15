import { execFile } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import getPort from "get-port";
import type { Test } from "uvu";
import * as assert from "uvu/assert";
import { followRun } from "../../local/follow-run.ts";
import { root } from "../../local/paths.ts";
import { runScrapes } from "../../local/run-scrapes.ts";
import { startRun } from "../../local/runs.ts";
import { createSteps } from "../../local/steps.ts";
import { newScrape } from "../../src/cli/new-scrape.ts";
import { until } from "../until.ts";
import type { CliStack } from "./cli-stack.ts";

interface Up {
  readonly project: string;
  readonly stack: CliStack;
  /** What the stack was given as --origin. */
  readonly files: string;
}

/** What somebody new meets in the first minutes, in the stack that is up: a first scrape, pauses, failures, a second start. */
export function addNewcomerTests(test: Test, up: () => Up): void {
  test("a scrape from the template loads rows before anything of it is edited, and one with `paused: true` arrives paused", async () => {
    const { project, stack } = up();
    await newScrape(project, "tides");
    await newScrape(project, "held");
    edit(project, "held", "catchup: false", "catchup: false\n  paused: true");
    const { code, stdout, stderr } = await dagline(project, "run", "tides");
    assert.equal([code, /tides: 2 rows/.test(stdout), /Harbour/.test(stdout)], [0, true, true], stdout + stderr);
    assert.match(stack.stderr(), "scrapes/tides/local.ts answers for https://api.example.com on this machine");
    await until("the other one to be paused", () => isPaused(stack, "held"));
    assert.not(await isPaused(stack, "tides"));
    const refused = await dagline(project, "run", "held");
    assert.equal([refused.code, /held is paused: .*\n.*--unpause/.test(refused.stderr)], [1, true], refused.stderr);
  });

  test("a deploy leaves a DAG paused that a person paused, and unpauses one whose YAML no longer pauses it", async () => {
    const { project, stack } = up();
    assert.is((await stack.call("PATCH", "/dags/tides", { is_paused: true })).status, 200);
    const before = stack.stderr().length;
    // Nothing listens there.
    edit(project, "tides", "url: https://api.example.com/", `url: https://127.0.0.1:${await getPort({ host: "127.0.0.1" })}/`);
    edit(project, "tides", "retries: 2", "retries: 1");
    edit(project, "held", "\n  paused: true", "");
    await until("the new release", () => / saved: release \w+ is live/.test(stack.stderr().slice(before)), { timeout: 60_000 });
    assert.equal([await isPaused(stack, "tides"), await isPaused(stack, "held")], [true, false]);
  });

  test("each failed attempt is shown with its reason, its hint and the time of the next, seconds later; --no-retries ends at the first", async () => {
    const { project, stack } = up();
    await stack.call("PATCH", "/dags/tides", { is_paused: false });
    const [retried, once] = await Promise.all([dagline(project, "run", "tides"), dagline(project, "run", "tides", "--no-retries")]);
    assert.is(retried.code, 1);
    assert.match(
      retried.stderr,
      /tides\.extract failed, attempt 1 of 2: could not reach https:\/\/127\.0\.0\.1:\d+\/.*ECONNREFUSED.* Is the address right/,
    );
    assert.match(retried.stderr, /It is tried again in \d s, at [\d:]+\. On this machine a retry waits 5 s at most/);
    assert.match(retried.stderr, /attempt 2 of 2: [^\n]+\n\s+That was the last attempt\./);
    assert.match(retried.stdout, /^tides run__\S+: failed \(.*1 failed/);
    assert.equal([once.code, once.stderr.match(/extract failed, attempt/g)?.length], [1, 1], once.stderr);
  });

  test("a run whose DAG was deleted is ended, not waited for, and one of a paused DAG is told", async () => {
    const { project, stack } = up();
    await stack.call("PATCH", "/dags/held", { is_paused: true });
    await startRun(stack.call, { dag: "held", runId: "left", month: null, params: {} });
    const follow = await followRun(stack.call, { dag: "held", run: "left" });
    assert.equal([follow.state, follow.why], ["stuck", "the DAG is paused"]);
    const before = stack.stderr().length;
    rmSync(join(project, "scrapes", "held"), { recursive: true });
    await until("the new release", () => / saved: release \w+ is live/.test(stack.stderr().slice(before)), { timeout: 60_000 });
    const said: string[] = [];
    const steps = { ...createSteps(), say: (text: string) => void said.push(text) };
    await runScrapes(stack.call, [], { dags: ["tides"], steps, signal: AbortSignal.timeout(30_000), untilTheEnd: true });
    assert.match(said.join("\n"), /ended 1 run of held, which would never go on: the release no longer has this DAG/);
    const { body } = await stack.call("GET", "/dags/held/dagRuns/left");
    assert.is((body as { state: string }).state, "failed");
  });

  test("a second start is refused in words, and the first stays up", async () => {
    const { project, stack, files } = up();
    const { code, stderr } = await dagline(project, "up", "--origin", files);
    assert.equal([code, /the stack of this checkout is up.*\n.*npm run dagline -- down/.test(stderr)], [1, true], stderr);
    assert.is((await stack.call("GET", "/dags/tides")).status, 200);
  });
}

function edit(project: string, scrape: string, from: string, to: string): void {
  const file = join(project, "scrapes", scrape, `${scrape}.yml`);
  const yaml = readFileSync(file, "utf8");
  assert.match(yaml, from);
  writeFileSync(file, yaml.replace(from, to));
}

async function isPaused(stack: CliStack, dag: string): Promise<boolean> {
  return ((await stack.call("GET", `/dags/${dag}`)).body as { is_paused: boolean }).is_paused;
}

/** A command that a person gives in another terminal. */
function dagline(project: string, ...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const command = [join(root, "src", "cli", "main.ts"), ...args];
    const child = execFile(process.execPath, command, { cwd: project, timeout: 120_000 }, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode, stdout, stderr });
    });
  });
}
