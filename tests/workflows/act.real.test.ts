import { existsSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { commentBody, planMarker } from "../../actions/plan-comment.ts";
import { mark } from "../../src/forge/marker.ts";
import { parseReleaseId, sha256 } from "../../src/ids.ts";
import type { WorkflowRun } from "./act.ts";
import { type LocalProject, startProject } from "./local-project.ts";
import { numbersScrape } from "./numbers-scrape.ts";

// The workflows of .github/workflows, run by act on this machine, against the local stack and a double of GitHub's API. Each test goes on from the one before.
const pwned = join(tmpdir(), `dagline-pwned-${process.pid}`);
const hostileBranch = `topic/\`id\`$(touch\${IFS}${pwned})@everyone`;
const hostileText = `-->\`<img src=x>\` @everyone ::set-output name=x::y $(touch ${pwned}) \`touch ${pwned}\` \${{ github.token }}`;
let project: LocalProject;

test.before(async () => {
  project = await startProject(hostileText);
  project.writeEnvironments({ roles: false });
  project.write("scrapes/numbers", numbersScrape());
  project.repository.commit("The first scrape");
});
test.after(() => project?.stop());

test("without roles nothing is deployed: a push is checked, and comments that compare with an older base branch are marked outdated", async () => {
  const { github, repository } = project;
  const old = parseReleaseId(sha256("an older release"));
  const reviewed = { plan: sha256("a plan"), commit: "a".repeat(40), base: old, destructive: [], posted: new Date().toISOString() };
  project.repository.git("checkout", "--quiet", "-b", "waiting");
  project.write(".", { "NOTES.md": "Not of a scrape\n" });
  project.openPull(9, "waiting", "octo/data");
  const at = new Date().toISOString();
  const body = mark(planMarker("production"), commentBody(reviewed, "The plan."));
  github.state.comments.push({ id: 900, number: 9, author: "github-actions[bot]", body, createdAt: at, updatedAt: at });
  repository.git("checkout", "--quiet", "main");
  const run = await deploy(repository.head());
  assert.ok(run.ok, run.log);
  assert.equal(jobsOf(run), ["check", "outdate"]);
  assert.match(run.log, /#9: its plan is marked outdated/);
  assert.match(
    project.comments(9)[0] ?? "",
    /^<!-- .*\n<!-- .*\n> \[!WARNING\]\n> \*\*Outdated\.\*\* The base branch makes release `[0-9a-f]{12}` since/,
  );
  assert.is(await project.pointer(), undefined);
  closePull(9);
});

test("the first push to main is deployed: proven on the host, recorded as a deployment, and its rows arrive", async () => {
  project.writeEnvironments({ roles: true });
  const sha = project.repository.commit("Deploy from here on");
  const run = await deploy(sha);
  assert.ok(run.ok, run.log);
  assert.equal(jobsOf(run), ["check", "deploy"]);
  report(`push to live: ${run.seconds.toFixed(1)} s; ${stepTimes(run)}`);
  assert.is((await project.pointer())?.commit, sha);
  const [deployment] = project.github.state.deployments;
  assert.equal([deployment?.sha, deployment?.environment, deployment?.statuses[0]?.state], [sha, "production", "success"]);
  assert.ok(run.seconds < 60, `${run.seconds} s`);
  await project.runDag("numbers");
  assert.equal(await project.sql("SELECT number, square FROM numbers ORDER BY number LIMIT 2"), [
    { number: 1, square: "1" },
    { number: 2, square: "4" },
  ]);
});

test("a pull request gets one comment that says what changes, and a second push edits it", async () => {
  project.repository.git("checkout", "--quiet", "-b", hostileBranch);
  project.write("scrapes/numbers", numbersScrape({ schedule: '"30 5 * * *"', description: hostileText, cube: true }));
  project.openPull(1, hostileBranch, "octo/data");
  const first = await preview(1, { ownPostgres: true });
  assert.ok(first.ok, first.log);
  assert.match(first.log, /Compared with what is deployed/);
  assert.ok((await comment(1)).ok);
  const [shown] = project.comments(1);
  assert.match(shown ?? "", /5 \* \* \*/);
  assert.match(shown ?? "", /ADD COLUMN/);
  assert.not.match(outsideCode(shown ?? ""), /<img|@everyone|::set-output/);
  assert.is(outsideCode(shown ?? "").split("-->").length, 3, "the marker and the note are the only HTML comments");
  project.write("scrapes/numbers", numbersScrape({ schedule: '"45 5 * * *"', description: hostileText, cube: true }));
  project.pushTo(1, hostileBranch);
  assert.ok((await preview(1)).ok);
  assert.ok((await comment(1)).ok);
  assert.is(project.comments(1).length, 1);
  assert.match(project.comments(1)[0] ?? "", /45 5 \* \* \*/);
  assert.not(existsSync(pwned), "text was run");
});

test("a fork's pull request is compared with the base branch, without any credentials", async () => {
  project.repository.git("checkout", "--quiet", "-b", "fork", "main");
  project.write("scrapes/numbers", numbersScrape({ retries: 4 }));
  project.openPull(2, "fork", "someone/data");
  const run = await preview(2);
  assert.ok(run.ok, run.log);
  assert.match(run.log, /Compared with the base branch/);
  assert.ok((await comment(2)).ok);
  assert.match(project.comments(2)[0] ?? "", /base branch/);
});

test("a destructive plan fails its check until the label is given after its comment", async () => {
  project.repository.git("checkout", "--quiet", "-b", "narrow", "main");
  project.write("scrapes/numbers", numbersScrape({ squareType: "INTEGER" }));
  project.openPull(3, "narrow", "octo/data");
  const run = await preview(3);
  assert.not(run.ok);
  assert.match(run.log, /the plan is destructive/);
  assert.ok((await comment(3)).ok);
  const pull = project.github.state.pullRequests.get(3);
  pull?.labels.push("allow-destructive");
  project.github.state.labelEvents.push({
    id: 1,
    number: 3,
    event: "labeled",
    label: "allow-destructive",
    by: "octocat",
    at: new Date(Date.now() + 2000).toISOString(),
  });
  const again = await preview(3);
  assert.ok(again.ok, again.log);
  assert.match(again.log, /allowed by its label/);
  closePull(3);
});

test("a merge does what its pull request showed, and what others show is marked outdated", async () => {
  const sha = project.merge(1, hostileBranch);
  const run = await deploy(sha);
  assert.ok(run.ok, run.log);
  assert.match(run.log, /this is the plan that was reviewed in #1/);
  assert.is((await project.pointer())?.commit, sha);
  assert.match(project.comments(2)[0] ?? "", /Outdated/);
  await project.runDag("numbers");
  assert.equal(await project.sql("SELECT cube FROM numbers WHERE number = 3"), [{ cube: 27 }]);
});

test("a broken merge changes nothing and names the line", async () => {
  const before = await project.pointer();
  project.repository.git("checkout", "--quiet", "main");
  const yaml = readFileSync(join(project.repository.dir, "scrapes/numbers/numbers.yml"), "utf8");
  project.write("scrapes/numbers", { "numbers.yml": yaml.replace("callable: extract", "callable: extrct") });
  const run = await deploy(project.repository.commit("Break it"));
  assert.not(run.ok);
  assert.match(run.log, /scrapes\/numbers\/numbers\.yml,line=\d+|scrapes\/numbers\/numbers\.yml:\d+/);
  assert.equal(await project.pointer(), before);
  project.repository.git("revert", "--no-edit", "HEAD");
});

test("a backfill goes from a dry run to done, and hostile inputs are only text", async () => {
  const inputs = {
    dag: "numbers",
    from: "2024-01-01",
    to: "2024-01-02",
    reprocess: "none",
    "max-active-runs": "2",
    "newest-first": "false",
    every: "automatic",
    params: "{}",
  };
  const dry = await dispatch("backfill.yml", { ...inputs, "dry-run": "true" });
  assert.ok(dry.ok, dry.log);
  assert.match(dry.log, /2 runs to create/);
  const done = await dispatch("backfill.yml", { ...inputs, "dry-run": "false" });
  assert.ok(done.ok, done.log);
  assert.match(done.log, /is done: 2 of 2 ended: 2 success/);
  const hostile = await dispatch("backfill.yml", {
    ...inputs,
    dag: `$(touch ${pwned})\`touch ${pwned}\`\n::set-output name=x::y`,
    "dry-run": "true",
  });
  assert.not(hostile.ok);
  assert.match(hostile.log, /the input `dag` is ".*": it takes the id of a DAG/);
  assert.not(existsSync(pwned), "text was run");
});

test("cancelling the workflow cancels its backfill: the step is killed at once, and its post part sees to it", async () => {
  const inputs = { dag: "numbers", from: "2024-02-01", to: "2024-02-20", "dry-run": "false", "max-active-runs": "1" };
  const rest = { reprocess: "none", "newest-first": "false", every: "automatic", params: "{}" };
  const run = await dispatch("backfill.yml", { ...inputs, ...rest }, (log) => /elapsed +success/.test(log));
  assert.not(run.ok);
  assert.match(run.log, /Post \.\/actions\/backfill[\s\S]*backfill \d+ is cancelled: \d+ queued runs are ended/);
  const { body } = await project.stack.airflow.api.call(
    "GET",
    "/dags/numbers/dagRuns?logical_date_gte=2024-02-01T00:00:00Z&limit=100&state=queued",
  );
  assert.is((body as { total_entries: number }).total_entries, 0);
});

test("a rollback brings the release before back; drift opens an issue, and closes it once main is deployed again", async () => {
  const before = await project.pointer();
  const run = await dispatch("rollback.yml", { to: "" });
  assert.ok(run.ok, run.log);
  const back = await project.pointer();
  assert.is(back?.release, before?.previous);
  assert.ok((await dispatch("drift.yml", {})).ok);
  const [issue] = [...project.github.state.issues.values()];
  assert.is(issue?.state, "open");
  assert.ok((await deploy(project.repository.head("main"))).ok);
  assert.ok((await dispatch("drift.yml", {})).ok);
  assert.is([...project.github.state.issues.values()][0]?.state, "closed");
});

test("every answer and request was as GitHub describes its API", () => {
  assert.equal(project.github.violations, []);
});

const deploy = (sha: string): Promise<WorkflowRun> => project.deploy(sha);
const preview = (number: number, options?: { ownPostgres: boolean }): Promise<WorkflowRun> => project.preview(number, options);
const comment = (number: number): Promise<WorkflowRun> => project.comment(number);
const dispatch = (name: string, inputs: Record<string, string>, interruptWhen?: (log: string) => boolean): Promise<WorkflowRun> =>
  project.dispatch(name, inputs, interruptWhen);

/** The jobs that ran. */
function jobsOf({ log }: WorkflowRun): string[] {
  return [...new Set([...log.matchAll(/^\[\w+\/(\w+)\s*\]/gm)].map(([, job = ""]) => job))].sort();
}

function closePull(number: number): void {
  const pull = project.github.state.pullRequests.get(number);
  if (pull !== undefined) pull.state = "closed";
}

/** What is left of Markdown without what GitHub shows as code, where nobody is mentioned and nothing is HTML. */
function outsideCode(markdown: string): string {
  return markdown
    .replace(/^(`{3,})[\s\S]*?^\1$/gm, "")
    .replace(/<code>.*?<\/code>/g, "")
    .replace(/`[^`\n]*`/g, "");
}

/** Seconds by job and step, of the steps that take any. */
function stepTimes({ log }: WorkflowRun): string {
  const steps = [...log.matchAll(/\[deploy\/(\w+)\s*\]\s+✅ {2}Success - Main (\.\/\S+)[^[]*\[([\d.]+)(m?)s\]/g)];
  return steps.map(([, job, step, time, milli]) => `${job} ${step} ${(Number(time) / (milli === "m" ? 1000 : 1)).toFixed(1)} s`).join(", ");
}

function report(text: string): void {
  process.stderr.write(`  measured: ${text}\n`);
}

test.run();
