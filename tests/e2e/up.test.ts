import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { followRun } from "../../local/follow-run.ts";
import { root } from "../../local/paths.ts";
import { startRun } from "../../local/runs.ts";
import { scramVerifier } from "../../local/scram.ts";
import { writeTlcMonth } from "../../local/tlc-data.ts";
import { isRunning } from "../is-running.ts";
import { scrapeFiles, writeScrape } from "../scrape/make-scrapes.ts";
import { until } from "../until.ts";
import { type CliStack, connect, makeProject, startCliStack } from "./cli-stack.ts";
import { addNewcomerTests } from "./newcomer.ts";

const dir = mkdtempSync(join(tmpdir(), "dagline-up-"));
const files = join(dir, "files");
const realMonth = join(root, "..", "shared", "data", "tlc", "green_tripdata_2023-01.parquet");
const isReal = existsSync(realMonth);
const month = { dag: "new_york_taxi", runId: "month__2023-01", month: "2023-01", params: {} };
let project: string;
let stack: CliStack;

test.before(async () => {
  mkdirSync(files);
  if (isReal) copyFileSync(realMonth, join(files, "green_tripdata_2023-01.parquet"));
  else await writeTlcMonth({ taxiType: "green", year: 2023, month: 1, rows: 5000, seed: 1 }, join(files, "green_tripdata_2023-01.parquet"));
  project = makeProject(dir);
  stack = await startCliStack(project, files);
});
test.after(async () => {
  if (stack?.child.exitCode === null) await stack.interrupt();
  rmSync(dir, { recursive: true, force: true });
});

/** What a second load of the same rows would change: each row's own transaction. */
const table = (): Promise<object[]> =>
  stack.sql(
    "SELECT count(*)::int AS rows, sum(total_amount)::text AS total, count(*) FILTER (WHERE rate_code_id IS NULL)::int AS null_rate_codes, max(xmin::text::bigint)::text AS newest FROM new_york_taxi",
  );

test("the month's every row is loaded, exact to the cent, nulls as nulls", async () => {
  const [found] = (await table()) as { rows: number; total: string; null_rate_codes: number }[];
  if (isReal)
    assert.equal(
      { rows: found?.rows, total: found?.total, nulls: found?.null_rate_codes },
      { rows: 68211, total: "1486275.22", nulls: 4324 },
    );
  else assert.is(found?.rows, 5000);
  assert.match(stack.stdout(), isReal ? /new_york_taxi\s+68,211/ : /new_york_taxi\s+5,000/);
});

test("XCom holds a task's reference, never its data", async () => {
  const { body } = await stack.call(
    "GET",
    `/dags/${month.dag}/dagRuns/${month.runId}/taskInstances/transform_green/xcomEntries/return_value`,
  );
  const value = (body as { value: unknown }).value;
  const reference = (typeof value === "string" ? JSON.parse(value) : value) as Record<string, unknown>;
  assert.equal(Object.keys(reference).sort(), ["key", "rows", "rows_digest", "sha256", "size", "task"]);
});

test("clearing the load and running it again, and running the whole month again, changes nothing", async () => {
  const before = await table();
  const clear = { dag_run_id: month.runId, task_ids: ["load_green"], dry_run: false, only_failed: false, reset_dag_runs: true };
  assert.is((await stack.call("POST", `/dags/${month.dag}/clearTaskInstances`, clear)).status, 200);
  assert.equal((await followRun(stack.call, { dag: month.dag, run: month.runId })).tasks, { success: 3, skipped: 3 });
  assert.equal(await table(), before);
  const again = await followRun(stack.call, { dag: month.dag, run: await startRun(stack.call, month) });
  assert.equal(again.tasks, { success: 1, skipped: 5 }, "the transform's rows were loaded before");
  assert.equal(await table(), before);
});

test("a scrape that is saved while the stack is up is live in Airflow soon", async () => {
  writeSlowScrape();
  await until("the new release", () => / saved: release \w+ is live/.test(stack.stderr()), { timeout: 60_000 });
  assert.is((await stack.call("GET", "/dags/slow_timeout")).status, 200);
});

test("a task that is marked failed in the Airflow UI takes its Node process and that one's children with it", async () => {
  const run = await startRun(stack.call, { dag: "slow", runId: "killed", month: null, params: {} });
  const child = await childOf("slow");
  await stack.call("PATCH", `/dags/slow/dagRuns/${run}/taskInstances/extract_rows`, { new_state: "failed" });
  await until("the function's child to end", () => !isRunning(child), { timeout: 40_000 });
  await until("Node to end", () => nodesOf().length === 0);
});

test("a task that runs out of its time does likewise", async () => {
  const run = await startRun(stack.call, { dag: "slow_timeout", runId: "timeout", month: null, params: {} });
  const child = await childOf("slow_timeout");
  assert.is((await followRun(stack.call, { dag: "slow_timeout", run })).state, "failed");
  await until("the function's child to end", () => !isRunning(child));
  await until("Node to end", () => nodesOf().length === 0);
});

test("a scheduled run whose data is not there yet waits for it, and nothing runs meanwhile", async () => {
  await stack.call("PATCH", "/dags/slow_late", { is_paused: false });
  const extract = async (): Promise<string> => {
    const { body } = await stack.call("GET", "/dags/slow_late/dagRuns/~/taskInstances");
    const tasks = (body as { task_instances: { task_id: string; state: string }[] }).task_instances;
    return tasks.find((task) => task.task_id === "extract_rows")?.state ?? "";
  };
  await until("the extract to wait", async () => (await extract()) === "up_for_reschedule", { timeout: 60_000 });
  assert.equal(nodesOf(), []);
  writeFileSync(join(dir, "published"), "");
  await until("the extract to be asked again", async () => (await extract()) === "success", { timeout: 60_000 });
});

test("the database's password is in no log, no argument, no environment and no file", async () => {
  const password = "correct-horse-battery-staple-4711";
  const admin = await connect(stack.address, "postgres");
  await admin.query(`ALTER ROLE dagline_loader PASSWORD '${scramVerifier(password)}'`);
  await admin.end();
  assert.is(
    (
      await stack.call("PATCH", "/connections/dagline_postgres?update_mask=password", {
        connection_id: "dagline_postgres",
        conn_type: "postgres",
        password,
      })
    ).status,
    200,
  );
  // The historical DAG does not compare, so its load truly connects; a skipped one would have no use for the password.
  const params = { from_month: "2023-01", to_month: "2023-01" };
  const historical = { dag: "new_york_taxi_historical", runId: "watched", month: null, params };
  const seen = new Set<string>();
  const watching = setInterval(() => {
    for (const place of placesWith(password)) seen.add(place);
  }, 250);
  try {
    const run = await followRun(stack.call, { dag: historical.dag, run: await startRun(stack.call, historical) });
    assert.equal(run.tasks, { success: 4, skipped: 3 }, "the months, and the green month's three tasks");
  } finally {
    clearInterval(watching);
  }
  assert.equal([...seen], []);
  const temporary = readdirSync(tmpdir()).filter((name) => name.startsWith("dagline-"));
  const places = [stack.address.dir, ...temporary.map((name) => join(tmpdir(), name))];
  const { stdout } = spawnSync("grep", ["-rlF", "--devices=skip", password, ...places], { encoding: "utf8" });
  assert.is(stdout, "");
});

addNewcomerTests(test, () => ({ project, stack, files }));

test("a saved change is live in Airflow within seconds, and a problem is printed with its line", async () => {
  const file = join(project, "scrapes", "taxi_zones", "taxi_zones.yml");
  const yaml = readFileSync(file, "utf8");
  const saved = performance.now();
  writeFileSync(file, yaml.replace(/description: .*/, "description: Changed while it is watched"));
  await until("the new release", () => /taxi_zones\.yml saved: release \w+ is live/.test(stack.stderr()), { timeout: 30_000 });
  process.stderr.write(
    `live ${((performance.now() - saved) / 1000).toFixed(1)} s after it was saved: ${stack.stderr().trimEnd().split("\n").at(-1)}\n`,
  );
  const { body } = await stack.call("GET", "/dags/taxi_zones");
  assert.is((body as { description: string }).description, "Changed while it is watched");
  writeFileSync(file, yaml.replace(/schedule:/, "shedule:"));
  await until("the problem", () => /taxi_zones\.yml:\d+:\d+.*shedule/.test(stack.stderr()));
});

test("Ctrl-C leaves no process behind", async () => {
  assert.is(await stack.interrupt(), 0);
  const left = execFileSync("ps", ["-eo", "pid,args"], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes(stack.address.dir));
  assert.equal(left, []);
});

/** Two DAGs whose extract starts a child and waits for ever, and one whose data comes late. Made elsewhere and moved, so that it is saved whole. */
function writeSlowScrape(): void {
  const yaml = (id: string, more: string): string =>
    (scrapeFiles(id)[`${id}.yml`] ?? "")
      .replace(/schedule: .*/, "schedule: null")
      .replace("callable: extract\n", `callable: extract\n${more}`)
      .replaceAll(/dataset_name: slow_\w+/g, "dataset_name: slow")
      .replace(/ +slice: .*\n/, "");
  const minute = new Date(Date.now() - 60_000).toISOString().slice(0, 16);
  writeScrape(dir, "slow", {
    ...scrapeFiles("slow"),
    "slow.yml": yaml("slow", ""),
    "slow_timeout.yml": yaml("slow_timeout", "      execution_timeout: 8\n      retries: 0\n"),
    // One run, of the minute before the last.
    "slow_late.yml": yaml("slow_late", "      wait_for_data: 5m\n")
      .replace("schedule: null", `schedule: "* * * * *"\n  end_date: ${minute}`)
      .replace(/start_date: .*/, `start_date: ${minute}`)
      .replace("catchup: false", "catchup: true"),
    "functions.ts": `import { spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { Skip } from "dagline";
export async function extract({ url, output }: { url: string; output: string }): Promise<void> {
  if (url.includes("slow_late")) {
    if (!existsSync(${JSON.stringify(join(dir, "published"))})) throw new Skip("not published yet");
    return writeFileSync(output, "id\\n1\\n");
  }
  const child = spawn("sleep", ["987"]);
  writeFileSync(url.includes("slow_timeout") ? ${JSON.stringify(join(dir, "slow_timeout.pid"))} : ${JSON.stringify(join(dir, "slow.pid"))}, String(child.pid));
  await new Promise(() => setInterval(() => {}, 1000));
}
export async function transform(): Promise<void> {}
`,
  });
  renameSync(join(dir, "scrapes", "slow"), join(project, "scrapes", "slow"));
}

async function childOf(name: string): Promise<number> {
  const file = join(dir, `${name}.pid`);
  const pid = await until(`the child of ${name}`, () => existsSync(file) && readFileSync(file, "utf8"), { timeout: 60_000 });
  return Number(pid);
}

/** Node processes that run a task; other DAGs' tasks are not running in these tests. */
function nodesOf(): string[] {
  const lines = execFileSync("ps", ["-eo", "pid,stat,args"], { encoding: "utf8" }).split("\n");
  return lines.filter((line) => line.includes(stack.address.home) && line.includes("run-task.mjs") && !/^\s*\d+ Z/.test(line));
}

/** Processes whose arguments or environment hold a text; this test's own have it in neither. */
function placesWith(text: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => ["cmdline", "environ"].map((file) => `/proc/${pid}/${file}`))
    .filter((path) => {
      try {
        return readFileSync(path).includes(text);
      } catch {
        return false; // it has just ended
      }
    });
}

test.run();
