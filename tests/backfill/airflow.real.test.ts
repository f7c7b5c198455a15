import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { root } from "../../local/paths.ts";
import { type LocalSsm, startSsmServer } from "../../local/ssm-server.ts";
import type { BackfillResult } from "../../src/backfill/run-backfill.ts";
import { builtActions } from "../actions/built.ts";
import { type ReleaseStack, startReleaseStack } from "../e2e/release-stack.ts";
import { dagPython, makeRelease } from "../host/make-release.ts";
import { until } from "../until.ts";

// The command as a person gives it, over SSM to the agent and to a real Airflow.
const instance = "i-0123456789abcdef0";
/** West of UTC. Airflow's API says UTC of every DAG. */
const timezone = "America/Santiago";
let stack: ReleaseStack;
let ssm: LocalSsm;
let environment: Record<string, string>;
let actions: Awaited<ReturnType<typeof builtActions>>;
let workspace: string;

test.before(async () => {
  stack = await startReleaseStack();
  const aws = { AWS_SHARED_CREDENTIALS_FILE: join(stack.dir, "aws-credentials"), AWS_REGION: stack.region };
  ssm = await startSsmServer({
    documentsDir: join(root, "infra", "ssm"),
    instanceId: instance,
    env: { PATH: process.env.PATH, DAGLINE_HOME: stack.home, ...aws },
    region: stack.region,
    credentials: stack.credentials,
    dir: stack.dir,
  });
  environment = { PATH: process.env.PATH ?? "", AWS_ENDPOINT_URL_SSM: ssm.endpoint, DAGLINE_INSTANCE: instance, NO_COLOR: "1", ...aws };
  const release = makeRelease({
    dags: { daily: dailyPython("daily", moody), held: dailyPython("held", holding), ranged: monthsPython, sleepy: dagPython("sleepy") },
    files: {
      ...Object.fromEntries(["daily", "held", "sleepy"].map((dag) => [`specs/${dag}.json`, JSON.stringify({ timezone })])),
      "specs/ranged.json": JSON.stringify({ timezone, each_month: { from: "from_month", to: "to_month" } }),
    },
  });
  await stack.sync(release);
  const { code, answer } = await stack.agent("reload");
  assert.is(code, 0, JSON.stringify(answer));
  actions = await builtActions();
  workspace = join(stack.dir, "workspace");
  mkdirSync(join(workspace, ".github"), { recursive: true });
  const entry = `production:\n  region: ${stack.region}\n  bucket: some-bucket\n  instance: ${instance}\n`;
  writeFileSync(join(workspace, ".github", "environments.yml"), entry);
  for (const dag of ["daily", "held", "ranged"]) await stack.airflow.api.call("PATCH", `/dags/${dag}`, { is_paused: false });
});
test.after(async () => {
  actions?.remove();
  await ssm?.stop();
  await stack?.stop();
});

test("a dry run lists what would be created and starts nothing", async () => {
  const { code, result } = await dagline("daily", "--from", "2024-01-01", "--to", "2024-01-03");
  assert.is(code, 0);
  assert.equal(result.plan.counts, { create: 3, reprocess: 0, skip: 0 });
  assert.equal(
    result.plan.runs.map(({ period }) => period),
    ["2024-01-02T02:00:00.000Z", "2024-01-03T02:00:00.000Z", "2024-01-04T02:00:00.000Z"],
    "each at 23:00 of its day in Santiago",
  );
  assert.is(result.plan.timezone, timezone);
  assert.equal(await runsOf("daily", "backfill"), {});
});

test("a started backfill is watched to its end, and its exit code and last lines tell which run failed and why", async () => {
  const { code, result, stderr } = await dagline("daily", "--from", "2024-01-01", "--to", "2024-01-02", "--start");
  assert.is(code, 1, stderr);
  assert.equal(result.progress?.counts, { success: 1, failed: 1 });
  const [failure] = result.failures;
  assert.equal(
    [failure?.period, failure?.task, failure?.message],
    ["2024-01-03T02:00:00.000Z", "only", "ValueError: no data on the second"],
  );
  assert.match(stderr, /daily: 2 runs to create/);
  assert.match(stderr, /^ +\d+ s +1 +1 +0 +0 +0 +0 /m, "a row of the progress table");
});

test("the failed run can be run again at once, although Airflow has not yet marked the backfill before as complete", async () => {
  const { code, result, stderr } = await dagline("daily", "--from", "2024-01-01", "--to", "2024-01-02", "--reprocess", "failed", "--start");
  assert.equal([code, result.plan.counts, result.progress?.counts], [1, { create: 0, reprocess: 1, skip: 1 }, { failed: 1 }], stderr);
});

test("cancelling ends what waits, and meanwhile a second backfill of the DAG names the one that runs", async () => {
  const args = ["held", "--from", "2024-01-01", "--to", "2024-01-03", "--max-active-runs", "1", "--start"];
  const { child, ended } = spawnDagline(args);
  await until("the first run", () => existsSync(join(stack.dir, "holding")), { timeout: 60_000 });
  assert.is(child.exitCode, null);
  const second = await dagline("held", "--from", "2024-02-01", "--to", "2024-02-02", "--start");
  assert.is(second.code, 1);
  assert.match(second.stderr, /another backfill of held is running: backfill \d+, 2024-01-01T03:00:00.000Z to 2024-01-04T02:59:59.999Z/);
  child.kill("SIGINT");
  const started = performance.now();
  const { code, stderr } = await ended;
  report(`a cancelled backfill ended ${((performance.now() - started) / 1000).toFixed(1)} s after Ctrl-C`);
  assert.is(code, 1);
  assert.match(stderr, /is cancelled: 2 queued runs are ended, 1 that had begun finish/);
  assert.equal(Object.values(await runsOf("held", "backfill")).sort(), ["failed", "failed", "running"]);
});

for (const [how, signal, ran] of [
  ["cancelled with SIGINT, as the runner begins a cancel", "SIGINT", "main"],
  ["killed half-way", "SIGKILL", "post"],
] as const) {
  test(`the action, ${how}: its backfill is cancelled by its ${ran} part`, async () => {
    rmSync(join(stack.dir, "holding"), { force: true });
    const [from, to] = signal === "SIGINT" ? ["2024-03-01", "2024-03-03"] : ["2024-04-01", "2024-04-03"];
    const step = {
      workspace,
      with: { dag: "held", from, to, "max-active-runs": "1", "dry-run": "false" },
      env: environment,
    };
    const main = actions.start("backfill", step);
    await until("the first run", () => existsSync(join(stack.dir, "holding")), { timeout: 60_000 });
    main.child.kill(signal);
    const ended = await main.ended;
    const posted = await actions.run("backfill-post", { ...step, states: ended.states });
    assert.is(posted.code, 0, posted.stdout);
    assert.match(ran === "main" ? ended.stdout : posted.stdout, /is cancelled: 2 queued runs are ended, 1 that had begun finish/);
    if (ran === "main") assert.is(posted.stdout, "");
    assert.equal(Object.values(await runsOf("held", "backfill", from)).sort(), ["failed", "failed", "running"]);
    // Lets all that hold end.
    if (ran === "post") writeFileSync(join(stack.dir, "gate"), "");
  });
}

test("a DAG that is mapped over months gets a run for each month, newest first, and a second start doubles none", async () => {
  const range = ["ranged", "--from", "2023-12", "--to", "2024-02"];
  const first = await dagline(...range, "--start", "--newest-first", "--max-active-runs", "2");
  assert.equal([first.code, first.result.progress?.counts], [0, { success: 3 }], first.stderr);
  const { body } = await stack.airflow.api.call("GET", "/dags/ranged/dagRuns?order_by=id");
  const runs = (body as { dag_runs: { dag_run_id: string; conf: object; data_interval_end: string }[] }).dag_runs;
  assert.equal(
    runs.map(({ dag_run_id, conf }) => [dag_run_id, conf]),
    ["2024-02", "2024-01", "2023-12"].map((name) => [`dagline_backfill__${name}`, { from_month: name, to_month: name }]),
  );
  assert.is(runs[2]?.data_interval_end, "2024-01-01T03:00:00Z");
  const second = await dagline(...range, "--start");
  assert.equal([second.code, second.result.outcome], [0, "nothing"]);
  const again = await dagline("ranged", "--from", "2024-02", "--to", "2024-02", "--reprocess", "completed", "--start");
  assert.equal([again.code, again.result.progress?.counts], [0, { success: 1 }], again.stderr);
});

test("wrong use is one plain line", async () => {
  const month = ["--from", "2024-01", "--to", "2024-01", "--start"];
  assert.match((await dagline("rangd", ...month)).stderr, /there is no DAG rangd in Airflow\n {2}Did you mean `ranged`\?/);
  assert.match((await dagline("sleepy", ...month)).stderr, /sleepy is paused/);
  const wrong = await dagline("ranged", ...month, "--params", '{"kind":7}');
  assert.equal([wrong.code, /the param `kind` of ranged must be string/.test(wrong.stderr)], [1, true], wrong.stderr);
});

const moody = `def only(logical_date):
    from zoneinfo import ZoneInfo
    if logical_date.astimezone(ZoneInfo("America/Santiago")).day == 2: raise ValueError("no data on the second")`;
const holding = `def only(logical_date):
    import time
    home = os.environ["DAGLINE_HOME"]
    open(home + "/../holding", "w").close()
    while not os.path.exists(home + "/../gate"): time.sleep(0.1)`;

function dailyPython(id: string, body: string): string {
  return scheduled(dagPython(id, `${body}\nPythonOperator(task_id="only", python_callable=only, retries=0)`));
}

function scheduled(python: string): string {
  const timetable = "from dagline_airflow.timetable import CronDataIntervalTimetable\n";
  return (
    timetable +
    python.replace(
      "schedule=None",
      'schedule=CronDataIntervalTimetable("0 23 * * *", timezone="America/Santiago"), catchup=False, end_date=pendulum.datetime(2024, 12, 31, tz="UTC")',
    )
  );
}

const monthsPython = `from airflow.sdk import Param\n${dagPython("ranged", 'EmptyOperator(task_id="only")')
  .replace(
    "schedule=None",
    'schedule=None, params={"from_month": Param(schema={"type": "string"}), "to_month": Param(schema={"type": "string"}), "kind": Param("green", schema={"type": "string"})}',
  )
  .replace("datetime(2024", "datetime(2020")}`;

interface Outcome {
  readonly code: number | null;
  readonly result: BackfillResult;
  readonly stderr: string;
}

function dagline(...args: string[]): Promise<Outcome> {
  return spawnDagline(args).ended;
}

function spawnDagline(args: readonly string[]): { child: ChildProcess; ended: Promise<Outcome> } {
  const command = [join(root, "src", "cli", "main.ts"), "backfill", ...args, "--format", "json"];
  const child = spawn(process.execPath, command, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output.stderr += text;
  });
  const limit = setTimeout(() => child.kill("SIGKILL"), 60_000);
  const ended = new Promise<Outcome>((resolve) => {
    child.once("close", (code) => {
      clearTimeout(limit);
      resolve({ code, result: JSON.parse(output.stdout || "{}") as BackfillResult, stderr: output.stderr });
    });
  });
  return { child, ended };
}

/** Run id to state. */
async function runsOf(dag: string, type: string, from = "2024-01-01"): Promise<Record<string, string>> {
  const { body } = await stack.airflow.api.call("GET", `/dags/${dag}/dagRuns?run_type=${type}&logical_date_gte=${from}T00:00:00Z`);
  const runs = (body as { dag_runs: { dag_run_id: string; state: string }[] }).dag_runs;
  return Object.fromEntries(runs.map(({ dag_run_id, state }) => [dag_run_id, state]));
}

function report(text: string): void {
  process.stderr.write(`  measured: ${text}\n`);
}

test.run();
