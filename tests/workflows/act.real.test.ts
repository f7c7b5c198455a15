import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type LocalGithub, startGithub } from "../../local/github.ts";
import { type Stack, startStack } from "../../local/stack.ts";
import { createSteps } from "../../local/steps.ts";
import { readPointer } from "../../src/deploy/read-bucket.ts";
import { until } from "../until.ts";
import { makeRepository, runWorkflow, type TestRepository, type WorkflowRun } from "./act.ts";
import { numbersScrape } from "./numbers-scrape.ts";

// The workflows of .github/workflows, run by act on this machine, against the local stack and a double of GitHub's API.
const dir = mkdtempSync(join(tmpdir(), "dagline-workflows-"));
const TOKEN = "ghs_localtoken000000000000000000000000";
const roles = "  plan_role: arn:aws:iam::000000000000:role/plan\n  deploy_role: arn:aws:iam::000000000000:role/deploy\n";
let stack: Stack;
let repository: TestRepository;
let github: LocalGithub;

test.before(async () => {
  stack = await startStack({ dir: join(dir, "stack"), airflowPort: 0, source: { kind: "live" }, steps: createSteps() });
  repository = makeRepository(join(dir, "repository"));
  writeEnvironments();
  write("scrapes/numbers", numbersScrape());
  repository.commit("The first scrape");
  github = await startGithub({ repository: "octo/data", tokens: { [TOKEN]: {} }, git: repository.dir });
});
test.after(async () => {
  await github?.stop();
  await stack?.stop();
  rmSync(dir, { recursive: true, force: true });
});

test("the first push to main is deployed: proven on the host, recorded as a deployment, and its rows arrive", async () => {
  const run = await push(repository.head());
  assert.ok(run.ok, run.log);
  report(`push to live: ${run.seconds.toFixed(1)} s; ${stepTimes(run)}`);
  assert.is((await pointer())?.commit, repository.head());
  const [deployment] = github.state.deployments;
  assert.equal([deployment?.sha, deployment?.environment, deployment?.statuses[0]?.state], [repository.head(), "production", "success"]);
  assert.ok(run.seconds < 60, `${run.seconds} s`);
  await runDag("numbers");
  assert.equal(await sql("SELECT number, square FROM numbers ORDER BY number LIMIT 2"), [
    { number: 1, square: "1" },
    { number: 2, square: "4" },
  ]);
});

const pwned = join(dir, "pwned");
const hostileBranch = `topic/\`id\`$(touch\${IFS}${pwned})@everyone`;
const hostileText = `-->\`<img src=x>\` @everyone ::set-output name=x::y $(touch ${pwned}) \`touch ${pwned}\` \${{ github.token }}`;

test("a pull request gets one comment that says what changes, and a second push edits it", async () => {
  repository.git("checkout", "--quiet", "-b", hostileBranch);
  write("scrapes/numbers", numbersScrape({ schedule: '"30 5 * * *"', description: hostileText, cube: true }));
  openPull(1, hostileBranch, "octo/data");
  const first = await preview(1);
  assert.ok(first.ok, first.log);
  assert.match(first.log, /Compared with what is deployed/);
  assert.ok((await comment(1)).ok);
  const [shown] = comments(1);
  assert.match(shown ?? "", /5 \* \* \*/);
  assert.match(shown ?? "", /ADD COLUMN/);
  assert.not.match(outsideCode(shown ?? ""), /<img|@everyone|::set-output/);
  assert.is(outsideCode(shown ?? "").split("-->").length, 3, "the marker and the note are the only HTML comments");
  write("scrapes/numbers", numbersScrape({ schedule: '"45 5 * * *"', description: hostileText, cube: true }));
  pushTo(1, hostileBranch);
  assert.ok((await preview(1)).ok);
  assert.ok((await comment(1)).ok);
  assert.is(comments(1).length, 1);
  assert.match(comments(1)[0] ?? "", /45 5 \* \* \*/);
  assert.not(existsSync(pwned), "text was run");
});

test("a fork's pull request is compared with the base branch, without any credentials", async () => {
  repository.git("checkout", "--quiet", "-b", "fork", "main");
  write("scrapes/numbers", numbersScrape({ retries: 4 }));
  openPull(2, "fork", "someone/data");
  const run = await preview(2);
  assert.ok(run.ok, run.log);
  assert.match(run.log, /Compared with the base branch/);
  assert.ok((await comment(2)).ok);
  assert.match(comments(2)[0] ?? "", /base branch/);
});

test("a destructive plan fails its check until the label is given after its comment", async () => {
  repository.git("checkout", "--quiet", "-b", "narrow", "main");
  write("scrapes/numbers", numbersScrape({ squareType: "INTEGER" }));
  openPull(3, "narrow", "octo/data");
  const run = await preview(3);
  assert.not(run.ok);
  assert.match(run.log, /the plan is destructive/);
  assert.ok((await comment(3)).ok);
  const pull = github.state.pullRequests.get(3);
  pull?.labels.push("allow-destructive");
  github.state.labelEvents.push({
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
  if (pull !== undefined) pull.state = "closed";
});

test("a merge does what its pull request showed, and what others show is marked outdated", async () => {
  const sha = merge(1, hostileBranch);
  const run = await push(sha);
  assert.ok(run.ok, run.log);
  assert.match(run.log, /this is the plan that was reviewed in #1/);
  assert.is((await pointer())?.commit, sha);
  assert.match(comments(2)[0] ?? "", /Outdated/);
  await runDag("numbers");
  assert.equal(await sql("SELECT cube FROM numbers WHERE number = 3"), [{ cube: 27 }]);
});

test("a broken merge changes nothing and names the line", async () => {
  const before = await pointer();
  repository.git("checkout", "--quiet", "main");
  writeFileSync(
    join(repository.dir, "scrapes/numbers/numbers.yml"),
    readFileSync(join(repository.dir, "scrapes/numbers/numbers.yml"), "utf8").replace("callable: extract", "callable: extrct"),
  );
  const run = await push(repository.commit("Break it"));
  assert.not(run.ok);
  assert.match(run.log, /scrapes\/numbers\/numbers\.yml,line=\d+|scrapes\/numbers\/numbers\.yml:\d+/);
  assert.equal(await pointer(), before);
  repository.git("revert", "--no-edit", "HEAD");
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
  assert.match(hostile.log, /dag is ".*": it takes the id of a DAG/);
  assert.not(existsSync(pwned), "text was run");
});

test("a rollback brings the release before back; drift opens an issue, and closes it once main is deployed again", async () => {
  const before = await pointer();
  const run = await dispatch("rollback.yml", { to: "" });
  assert.ok(run.ok, run.log);
  const back = await pointer();
  assert.is(back?.release, before?.previous);
  assert.ok((await dispatch("drift.yml", {})).ok);
  const [issue] = [...github.state.issues.values()];
  assert.is(issue?.state, "open");
  assert.ok((await push(repository.head("main"))).ok);
  assert.ok((await dispatch("drift.yml", {})).ok);
  assert.is([...github.state.issues.values()][0]?.state, "closed");
});

test("every answer and request was as GitHub describes its API", () => {
  assert.equal(github.violations, []);
});

function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    const file = join(repository.dir, folder, path);
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, text);
  }
}

function writeEnvironments(): void {
  const { aws, dagsBucket, ssm, airflow } = stack.address;
  writeFileSync(
    join(repository.dir, ".github/environments.yml"),
    `production:\n  region: ${aws.region}\n  bucket: ${dagsBucket}\n  instance: ${ssm.instance}\n  url: ${airflow.url}\n${roles}`,
  );
}

/** Commits what was changed on the branch and gives the pull request its new head, with GitHub's trial merge. */
function pushTo(number: number, branch: string): void {
  const head = repository.commit(`Change ${number} ${hostileText}`);
  repository.git("checkout", "--quiet", "--detach", "main");
  repository.git("merge", "--quiet", "--no-ff", "--no-edit", branch);
  repository.git("update-ref", `refs/pull/${number}/merge`, "HEAD");
  repository.git("checkout", "--quiet", branch);
  const pull = github.state.pullRequests.get(number);
  if (pull !== undefined) pull.head = { ...pull.head, sha: head };
}

function openPull(number: number, branch: string, from: string): void {
  github.state.pullRequests.set(number, {
    number,
    title: `Change ${hostileText}`,
    body: null,
    author: "octocat",
    base: { ref: "main", sha: repository.head("main") },
    head: { ref: branch, sha: "0".repeat(40), repository: from },
    labels: [],
    state: "open",
    mergedAt: null,
    mergeCommit: null,
    files: [],
  });
  pushTo(number, branch);
}

function pullPayload(number: number) {
  const pull = github.state.pullRequests.get(number);
  if (pull === undefined) throw new Error(`there is no pull request ${number}`);
  const { base, head, title } = pull;
  return {
    action: "synchronize",
    number,
    repository: { full_name: "octo/data", default_branch: "main" },
    pull_request: { number, title, base, head: { ref: head.ref, sha: head.sha, repo: { full_name: head.repository } } },
  };
}

/** The merge of a pull request on main. Returns its commit. */
function merge(number: number, branch: string): string {
  repository.git("checkout", "--quiet", "main");
  repository.git("merge", "--quiet", "--no-ff", "--no-edit", branch);
  const sha = repository.head();
  const pull = github.state.pullRequests.get(number);
  if (pull !== undefined) Object.assign(pull, { state: "closed", mergedAt: new Date().toISOString(), mergeCommit: sha });
  return sha;
}

function workflow(
  name: string,
  event: string,
  given: { sha: string; payload: Record<string, unknown>; inputs?: Record<string, string>; artifacts?: string },
): Promise<WorkflowRun> {
  const { aws, ssm } = stack.address;
  return runWorkflow(name, event, {
    repository,
    dir,
    artifacts: join(dir, "artifacts"),
    token: TOKEN,
    env: {
      GITHUB_API_URL: github.url,
      AWS_ENDPOINT_URL_S3: aws.endpoint,
      AWS_ENDPOINT_URL_SSM: ssm.endpoint,
      AWS_EC2_METADATA_DISABLED: "true",
      STAND_IN_CREDENTIALS: aws.credentialsFile,
    },
    ...given,
  });
}

function push(sha: string): Promise<WorkflowRun> {
  const before = repository.head(`${sha}^`.replace(/\^$/, repository.git("rev-list", "--parents", "-n1", sha).includes(" ") ? "^" : ""));
  return workflow("deploy.yml", "push", {
    sha,
    payload: { ref: "refs/heads/main", before, after: sha, repository: { default_branch: "main" } },
  });
}

function preview(number: number): Promise<WorkflowRun> {
  const artifacts = join(dir, `artifacts-${number}`);
  rmSync(artifacts, { recursive: true, force: true });
  return workflow("preview.yml", "pull_request", {
    sha: repository.head(`refs/pull/${number}/merge`),
    payload: pullPayload(number),
    artifacts,
  });
}

function comment(number: number): Promise<WorkflowRun> {
  const { head } = pullPayload(number).pull_request;
  const run = {
    id: 7,
    event: "pull_request",
    conclusion: "success",
    head_sha: head.sha,
    head_branch: head.ref,
    head_repository: { full_name: head.repo.full_name },
    html_url: "https://github.com/octo/data/actions/runs/7",
  };
  return workflow("comment.yml", "workflow_run", {
    sha: repository.head("main"),
    payload: { action: "completed", workflow_run: run },
    artifacts: join(dir, `artifacts-${number}`),
  });
}

function dispatch(name: string, inputs: Record<string, string>): Promise<WorkflowRun> {
  return workflow(name, "workflow_dispatch", { sha: repository.head("main"), payload: { ref: "refs/heads/main" }, inputs });
}

/** What is left of Markdown without what GitHub shows as code, where nobody is mentioned and nothing is HTML. */
function outsideCode(markdown: string): string {
  return markdown
    .replace(/^(`{3,})[\s\S]*?^\1$/gm, "")
    .replace(/<code>.*?<\/code>/g, "")
    .replace(/`[^`\n]*`/g, "");
}

function comments(number: number): string[] {
  return github.state.comments.filter((each) => each.number === number).map(({ body }) => body);
}

async function pointer() {
  return (await readPointer(stack.store))?.pointer;
}

async function runDag(dag: string): Promise<void> {
  const { call } = stack.airflow.api;
  await call("PATCH", `/dags/${dag}`, { is_paused: false });
  const started = await call("POST", `/dags/${dag}/dagRuns`, { logical_date: null });
  const run = (started.body as { dag_run_id: string }).dag_run_id;
  await until(
    `${dag} to end`,
    async () => {
      const { state } = (await call("GET", `/dags/${dag}/dagRuns/${encodeURIComponent(run)}`)).body as { state: string };
      if (state === "failed") throw new Error(`the run of ${dag} failed`);
      return state === "success";
    },
    { timeout: 120_000, interval: 250 },
  );
}

async function sql(text: string): Promise<object[]> {
  const { socketDir: host, port, database } = stack.address.postgres;
  const client = new pg.Client({ host, port, database, user: "dagline_loader" });
  await client.connect();
  return client
    .query(text)
    .then(({ rows }) => rows)
    .finally(() => client.end());
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
