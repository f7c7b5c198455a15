import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type LocalAws, startAws } from "../../local/aws.ts";
import { root } from "../../local/paths.ts";
import { type LocalPostgres, startPostgres } from "../../local/postgres.ts";
import { sha256 } from "../../src/ids.ts";
import { S3ObjectStore } from "../../src/services/s3.ts";
import type { FunctionSpec, LoadSpec } from "../../src/task/spec.ts";
import type { StagedReference } from "../../src/task/staged-file.ts";
import { isRunning } from "../is-running.ts";
import { until } from "../until.ts";
import { type OperatorHost, type Run, startOperatorHost } from "./operator-host.ts";
import { functionSpec, makeReleaseFolder } from "./runner.ts";

const dir = mkdtempSync(join(tmpdir(), "dagline-operator-test-"));
const temporary = join(dir, "tmp");
let aws: LocalAws;
let postgres: LocalPostgres;
let password = "";
const wrongPassword = "not-the-right-one-4711";
let airflow: OperatorHost;

test.before(async () => {
  mkdirSync(temporary);
  aws = await startAws({ dir });
  await aws.createBuckets("staging");
  postgres = await startPostgres({ dir, settings: { fsync: "off" } });
  password = await postgres.setRandomPassword("dagline_loader");
  const { accessKeyId, secretAccessKey } = aws.credentials;
  writeFileSync(join(dir, "credentials"), `[default]\naws_access_key_id=${accessKeyId}\naws_secret_access_key=${secretAccessKey}\n`);
  const host = {
    staging_bucket: "staging",
    staging_prefix: "",
    region: aws.region,
    s3_endpoint: aws.endpoint,
    node: process.execPath,
    connection: "dagline_postgres",
    origins: {},
  };
  writeFileSync(join(dir, "host.json"), JSON.stringify(host));
  airflow = startOperatorHost(dir, {
    PATH: process.env.PATH,
    HOME: dir,
    TMPDIR: temporary,
    PYTHONPATH: join(root, "airflow"),
    PYTHONWARNINGS: "ignore",
    DAGLINE_HOME: dir,
    AIRFLOW_HOME: join(dir, "airflow"),
    AIRFLOW__CORE__FERNET_KEY: "a-secret-of-airflow",
    AWS_SHARED_CREDENTIALS_FILE: join(dir, "credentials"),
    AWS_EC2_METADATA_DISABLED: "true",
  });
});
test.after(async () => {
  await airflow.stop();
  await postgres.stop();
  await aws.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** Runs the operator in a process of its own, as Airflow does. */
function operate(
  functions: string,
  more: {
    task?: string;
    timeout?: number;
    intervalEnd?: Date;
    runType?: "backfill";
    tasks?: Record<string, Partial<FunctionSpec> | Partial<LoadSpec>>;
    upstream?: Record<string, StagedReference>;
    password?: string;
  } = {},
): Run {
  const connection = {
    conn_type: "postgres",
    host: "127.0.0.1",
    port: postgres.port,
    schema: "data_pipeline_db",
    login: "dagline_loader",
    password: more.password ?? password,
  };
  return airflow.start(
    {
      task: more.task ?? "extract_x",
      release_dir: makeReleaseFolder(dir, { extract_x: functionSpec(), ...more.tasks }, functions),
      timeout: more.timeout ?? null,
      upstream: more.upstream ?? {},
      interval_end: (more.intervalEnd ?? new Date("2023-01-29T09:00:00Z")).toISOString(),
      run_type: more.runType ?? "scheduled",
    },
    { AIRFLOW_CONN_DAGLINE_POSTGRES: JSON.stringify(connection) },
  );
}

/** A function that starts a process of its own, says both numbers, and then runs `rest` without end. */
const neverEnds = (rest: string): string => `import { spawn } from "node:child_process";
export async function extract() {
  const child = spawn("sleep", ["300"]);
  console.log("processes", process.pid, child.pid);
  await new Promise((resolve) => setTimeout(resolve, 50));
  ${rest}
}`;
const waits = "await new Promise(() => setInterval(() => {}, 1000));";

async function processesOf(run: Run): Promise<number[]> {
  const [, node, child] = await until("the function to run", () => {
    assert.not.match(run.log(), /RAISED/);
    return /processes (\d+) (\d+)/.exec(run.log());
  });
  return [Number(node), Number(child)];
}

async function areGone(pids: readonly number[], timeout: number): Promise<void> {
  await until("the end of Node and of what it started", () => !pids.some(isRunning), { timeout });
}

test("a task that Airflow stops takes Node and what Node started with it, also when the function is busy", async () => {
  const runs = [operate(neverEnds(waits)), operate(neverEnds("for (;;);"))];
  const pids = (await Promise.all(runs.map(processesOf))).flat();
  await Promise.all(runs.map((run) => run.kill("SIGTERM")));
  await areGone(pids, 6000);
  await Promise.all(runs.map((run) => run.ended));
  for (const run of runs) assert.match(run.log(), /RAISED AirflowException/);
  assert.equal(readdirSync(temporary), []);
});

test("a task that runs out of its time takes Node and what Node started with it", async () => {
  const run = operate(neverEnds(waits), { timeout: 4 });
  const pids = await processesOf(run);
  await run.ended;
  assert.match(run.log(), /RAISED AirflowTaskTimeout/);
  await areGone(pids, 1000);
  assert.equal(readdirSync(temporary), []);
});

test("when Airflow's task process is killed, Node and what Node started end soon, also when the function is busy", async () => {
  const runs = [operate(neverEnds(waits)), operate(neverEnds("for (;;);"))];
  const pids = (await Promise.all(runs.map(processesOf))).flat();
  await Promise.all(runs.map((run) => run.kill("SIGKILL")));
  await areGone(pids, 15_000);
  await Promise.all(runs.map((run) => run.ended));
});

test("a load brings an extract's rows into the table; the password is in no log, argument, environment or file", async () => {
  const tasks = {
    load_x: {
      kind: "load",
      table: "demo",
      mode: { kind: "append", slice: null },
      params: {},
      max_bad_rows: 0,
      fields: [{ name: "id", type: { name: "INTEGER" } }],
      dependencies: ["extract_x"],
      confirms: ["extract_x"],
    } as const,
  };
  const extract = operate(
    `import { writeFileSync } from "node:fs";
     export async function extract({ output }) { console.log("environment " + Object.keys(process.env).sort()); writeFileSync(output, "id\\n1\\n2\\n"); }`,
    { tasks },
  );
  await extract.ended;
  const environment = /environment ([\w,]+)/.exec(extract.log())?.[1] ?? extract.log();
  assert.match(environment, /AWS_SHARED_CREDENTIALS_FILE/);
  assert.not.match(environment, /AIRFLOW|DAGLINE/);
  const reference = returned(extract) as StagedReference;
  assert.is(reference.rows, 2);

  // While another transaction holds the table, the load waits: time to look at everything that it shows.
  const admin = await postgres.connect("data_pipeline_db");
  // A transaction sees other sessions as they were when it first looked: another connection looks again and again.
  const observer = await postgres.connect("data_pipeline_db");
  try {
    const upstream = { extract_x: reference };
    await operate("", { tasks, task: "load_x", upstream }).ended;
    await admin.query("BEGIN; LOCK TABLE demo IN ACCESS EXCLUSIVE MODE");
    const run = operate("", { tasks, task: "load_x", upstream });
    const waiting = "SELECT pid FROM pg_stat_activity WHERE application_name = 'dagline' AND wait_event_type = 'Lock'";
    await until("the load to wait", async () => (await observer.query(waiting)).rows.length > 0);
    const node = childrenOf(await run.pid);
    assert.ok(node.length > 0);
    for (const pid of node) {
      for (const file of ["environ", "cmdline"]) assert.not.ok(readFileSync(`/proc/${pid}/${file}`, "utf8").includes(password), file);
      assert.not.match(readFileSync(`/proc/${pid}/environ`, "utf8"), /AIRFLOW|a-secret/);
    }
    assert.equal(filesWith(password), []);
    await admin.query("ROLLBACK");
    await run.ended;
    assert.is((returned(run) as { unchanged: boolean }).unchanged, true);
    assert.not.ok(run.log().includes(password));
    assert.equal(filesWith(password), []);
    assert.equal((await admin.query("SELECT id FROM demo ORDER BY id")).rows, [{ id: 1 }, { id: 2 }]);
  } finally {
    await observer.end();
    await admin.end();
  }
});

test("a task whose rows its load has in the table is skipped; it is done when the database can't be asked, and the function never sees the password", async () => {
  const tasks = {
    extract_x: functionSpec({ compare_with: ["load_x"] }),
    load_x: {
      kind: "load",
      table: "compared",
      mode: { kind: "replace" },
      params: {},
      max_bad_rows: 0,
      fields: [{ name: "id", type: { name: "INTEGER" } }],
      dependencies: ["extract_x"],
      confirms: ["extract_x"],
    } as const,
  };
  const functions = `import { writeFileSync } from "node:fs";
    export async function extract({ output }) { writeFileSync(output, "id\\n1\\n2\\n"); process.stdin.on("data", (data) => console.log("STDIN " + data)); }`;
  const first = operate(functions, { tasks });
  await first.ended;
  assert.match(first.log(), /not skipped: load_x is needed, since nothing was loaded so far/);
  const upstream = { extract_x: returned(first) as StagedReference };
  const load = operate(functions, { tasks, task: "load_x", upstream });
  await load.ended;
  assert.is((returned(load) as { rows_written: number }).rows_written, 2);
  const second = operate(functions, { tasks });
  await second.ended;
  assert.match(second.log(), /RAISED AirflowSkipException: the same 2 rows were loaded before, and are in the table/);
  const third = operate(functions, { tasks, password: wrongPassword });
  await third.ended;
  assert.match(third.log(), /not compared with what was loaded, so nothing is skipped: .*password/);
  assert.is((returned(third) as StagedReference).rows, 2);
  for (const run of [first, second, third]) assert.not.match(run.log(), /STDIN|4711/);
});

test("an extract that waits for its data is asked again until its time is over; it waits in scheduled runs alone", async () => {
  const hour = 3_600_000;
  const now = Date.now();
  const ago = (hours: number) => new Date(now - hours * hour);
  const nothing = `export async function extract() { const error = new Error("nothing yet"); error[Symbol.for("dagline.skip")] = true; throw error; }`;
  const ends = async (more: Parameters<typeof operate>[1], seconds: number): Promise<string> => {
    const run = operate(nothing, { ...more, tasks: { extract_x: functionSpec({ wait_seconds: seconds }) } });
    await run.ended;
    return /RAISED .*/.exec(run.log())?.[0] ?? run.log();
  };
  const again = async (more: Parameters<typeof operate>[1], seconds: number): Promise<number> => {
    const said = /^RAISED AirflowRescheduleException: (.*)$/.exec(await ends(more, seconds))?.[1] ?? "";
    return (Date.parse(said) - now) / hour;
  };
  const between = (value: number, least: number) => assert.ok(value >= least && value < least + 0.05, String(value));
  const [first, last] = await Promise.all([again({ intervalEnd: ago(1) }, 90 * 24 * 3600), again({ intervalEnd: ago(9.75) }, 10 * 3600)]);
  between(first, 24);
  between(last, 0.2499); // the very end of the wait, not half an hour
  const skipped = "RAISED AirflowSkipException: nothing yet";
  const ended = [ends({ intervalEnd: ago(11) }, 10 * 3600), ends({ intervalEnd: ago(1), runType: "backfill" }, 10 * 3600)];
  assert.equal(await Promise.all(ended), [skipped, skipped]);
});

test("a wrong password is a plain line without it, and Airflow does not try again", async () => {
  const run = operate("", {
    password: wrongPassword,
    task: "load_x",
    tasks: {
      load_x: {
        kind: "load",
        table: "demo",
        mode: { kind: "replace" },
        params: {},
        max_bad_rows: 0,
        fields: [],
        dependencies: ["extract_x"],
        confirms: [],
      },
    },
    upstream: {
      extract_x: { task: "extract_x", key: await stagedCsv(), sha256: sha256(csv), size: csv.length, rows: 1, rows_digest: null },
    },
  });
  await run.ended;
  assert.match(run.log(), /RAISED AirflowFailException: .*does not accept the password/);
  assert.not.match(run.log(), /4711/);
});

test("a task whose upstream left nothing in XCom fails with the task to clear, and Airflow does not try again", async () => {
  const tasks = { extract_x: functionSpec(), transform_x: functionSpec({ kind: "transform", dependencies: ["extract_x"] }) };
  const run = operate("", { tasks, task: "transform_x" });
  await run.ended;
  assert.match(run.log(), /RAISED AirflowFailException: extract_x left no reference .* Clear extract_x with all tasks below/);
});

test("a function's own files are not taken for the result, and whatever ends Node is told with its likely reason", async () => {
  const own = `import { writeFileSync } from "node:fs"; import { join } from "node:path"; import { tmpdir } from "node:os";
    export async function extract() {
      for (const dir of [tmpdir(), process.cwd(), join(tmpdir(), "..")])
        writeFileSync(join(dir, "result.json"), '{"state":"done","output":{"task":"x","key":"k","sha256":"s","size":1}}');
      console.log("LAST OF THE FUNCTION"); process.kill(process.pid, "SIGKILL");
    }`;
  const cases: [string, RegExp][] = [
    [own, /RAISED AirflowException: the task's process was killed from outside \(SIGKILL\).* up to \d+ MB/],
    [
      "export async function extract() { const held = []; for (;;) held.push({ row: held.length }); }",
      /RAISED AirflowFailException: .* 160 MB of JavaScript memory/,
    ],
    ["export async function extract() { process.abort(); }", /RAISED AirflowException: .*signal SIGABRT and left no result/],
    [
      "export async function extract() { console.log('x'.repeat(3_000_000)); console.log('LAST OF THE FUNCTION'); process.exit(0); }",
      /LAST OF THE FUNCTION[\s\S]*RAISED AirflowException: the function ended the process itself, with exit code 0/,
    ],
  ];
  const runs = cases.map(([functions]) => operate(functions));
  await Promise.all(runs.map((run) => run.ended));
  for (const [index, [functions, said]] of cases.entries()) assert.match(runs[index]?.log() ?? "", said, functions);
  assert.match(runs[0]?.log() ?? "", "LAST OF THE FUNCTION");
});

const csv = "id\n1\n";

/** A file as an extract leaves it. */
async function stagedCsv(): Promise<string> {
  const key = "staging/demo/extract_x/0123456789abcdef/demo_extract_x_20230129T090000Z.csv";
  const { region, endpoint, credentials } = aws;
  await new S3ObjectStore({ bucket: "staging", region, endpoint, credentials }).put(key, Buffer.from(csv));
  return key;
}

function returned(run: Run): unknown {
  const line = /^RETURNED (.*)$/m.exec(run.log());
  assert.ok(line?.[1], run.log());
  return JSON.parse(line[1]);
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
}

/** The files below the test's folder, logs and temporary ones among them, that hold the text. */
function filesWith(text: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path, "latin1").includes(text));
}

test.run();
