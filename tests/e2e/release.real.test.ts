import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Release } from "../../src/release/build-release.ts";
import { blobKey } from "../../src/release/layout.ts";
import { dagPython, makeRelease } from "../host/make-release.ts";
import { until } from "../until.ts";
import { type AgentAnswer, type ReleaseStack, startReleaseStack } from "./release-stack.ts";

let stack: ReleaseStack;

test.before(async () => {
  stack = await startReleaseStack();
});
test.after(() => stack?.stop());

test("a run finishes on the release that it started on, and the next one takes the new release", async () => {
  const gate = join(stack.dir, "gate");
  const started = join(stack.dir, "started");
  const body = `def wait():
    import time
    open(${JSON.stringify(started)}, "w").close()
    while not os.path.exists(${JSON.stringify(gate)}): time.sleep(0.1)
def where():
    with open(${JSON.stringify(join(stack.dir, "where"))}, "a") as file: file.write(__file__ + chr(10))
PythonOperator(task_id="first", python_callable=wait) >> PythonOperator(task_id="second", python_callable=where)`;
  const slow = { ...tenDagTexts("slow"), slow: dagPython("slow", body) };
  const before = makeRelease({ dags: slow, files: { "functions/slow.mjs": "1" } });
  // Nothing of what Airflow keeps of the DAG differs: only a file that its tasks use.
  const after = makeRelease({ dags: slow, files: { "functions/slow.mjs": "2" } });
  await deploy(before);
  await startRun("slow", "one");
  await until("the first task to run", () => existsSync(started));
  await deploy(after);
  writeFileSync(gate, "");
  await runEnds("slow", "one");
  await startRun("slow", "two");
  await runEnds("slow", "two");
  const folders = readFileSync(join(stack.dir, "where"), "utf8").trimEnd().split("\n");
  assert.equal(
    folders,
    [before, after].map((release) => join(stack.home, "releases", release.id, "dags", "slow.py")),
  );
});

test("runs whose DAG, task or table a deploy takes away finish on their release, and then the DAG is gone", async () => {
  const [gate, where] = [join(stack.dir, "open"), join(stack.dir, "finished")];
  const body = (dag: string, table: string): string => `from airflow.sdk import Asset
def wait():
    import time
    open(${JSON.stringify(join(stack.dir, "running-"))} + "${dag}", "w").close()
    while not os.path.exists(${JSON.stringify(gate)}): time.sleep(0.1)
def finish():
    with open(${JSON.stringify(where)}, "a") as file: file.write(__file__ + chr(10))
load = PythonOperator(task_id="load", python_callable=finish, outlets=[Asset("${table}", "x-dagline://tables/${table}")])
PythonOperator(task_id="wait", python_callable=wait) >> load`;
  const spec = (table: string): string => JSON.stringify({ tasks: { load: { kind: "load", table } } });
  const running = ["gone", "cut", "moved"];
  const others = tenDagTexts("leaving");
  const before = makeRelease({
    dags: { ...others, ...Object.fromEntries(running.map((dag) => [dag, dagPython(dag, body(dag, `${dag}_table`))])) },
    files: Object.fromEntries(running.map((dag) => [`specs/${dag}.json`, spec(`${dag}_table`)])),
  });
  const after = makeRelease({
    dags: { ...others, cut: dagPython("cut"), moved: dagPython("moved", body("moved", "other_table")) },
    files: { "specs/moved.json": spec("other_table") },
  });
  await deploy(before);
  for (const dag of running) await startRun(dag, "one");
  await until("the tasks to run", () => running.every((dag) => existsSync(join(stack.dir, `running-${dag}`))), { timeout: 60_000 });
  assert.equal((await deploy(after)).leaving, ["gone"]);
  assert.equal((await deploy(before)).leaving, [], "a rollback serves it as before");
  assert.equal((await deploy(after)).leaving, ["gone"]);
  const { answer: status } = await stack.agent("status");
  assert.equal([status.healthy, status.leaving], [true, ["gone"]]);
  const { call } = stack.airflow.api;
  const refused = await call("POST", "/dags/gone/dagRuns", { dag_run_id: "two", logical_date: null });
  assert.is(refused.status, 400, "no new run starts");
  writeFileSync(gate, "");
  for (const dag of running) await runEnds(dag, "one");
  assert.equal(
    readFileSync(where, "utf8").trimEnd().split("\n").sort(),
    running.map((dag) => join(stack.home, "releases", before.id, "dags", `${dag}.py`)).sort(),
  );
  assert.equal((await stack.agent("reload")).answer.leaving, []);
  const served = async (): Promise<boolean> => ((await call("GET", "/dags/gone")).body as { is_stale: boolean }).is_stale === false;
  await until("the removed DAG to be gone", async () => !(await served()), { timeout: 30_000, interval: 500 });
});

test("a task whose upstream succeeded without a reference in XCom fails at once, and names what to clear", async () => {
  const load = { kind: "load", table: "emptied", dependencies: ["extract_x"] };
  const body = `from dagline_airflow.operator import DaglineOperator
extract = EmptyOperator(task_id="extract_x")
extract >> DaglineOperator(task_id="load_x", retries=3)
extract >> DaglineOperator.partial(task_id="load_m", retries=3).expand(month=["2023-01"])`;
  const spec = JSON.stringify({ dag: "emptied", url: null, tasks: { load_x: load, load_m: load } });
  await deploy(
    makeRelease({ dags: { ...tenDagTexts("emptied"), emptied: dagPython("emptied", body) }, files: { "specs/emptied.json": spec } }),
  );
  await startRun("emptied", "one");
  const { call } = stack.airflow.api;
  const tasks = await until(
    "both loads to end",
    async () => {
      const { body: found } = await call("GET", "/dags/emptied/dagRuns/one/taskInstances");
      const loads = (found as { task_instances: { task_id: string; state: string; try_number: number; map_index: number }[] })
        .task_instances;
      const ended = loads.filter(({ task_id, state }) => task_id !== "extract_x" && ["failed", "success", "up_for_retry"].includes(state));
      return ended.length === 2 ? ended : undefined;
    },
    { timeout: 60_000, interval: 200 },
  );
  for (const { task_id: task, state, try_number: tries, map_index: index } of tasks) {
    assert.equal([state, tries], ["failed", 1], task);
    const { body: log } = await call("GET", `/dags/emptied/dagRuns/one/taskInstances/${task}/logs/1?map_index=${index}&full_content=true`);
    assert.match(
      JSON.stringify(log),
      /extract_x( \(map index 0\))? left no reference to a staged file in XCom, so load_[xm] has nothing to read/,
    );
  }
});

test("a DAG that does not import never becomes active, and the error names the line of YAML", async () => {
  const good = await stack.deployed();
  const broken = makeRelease({
    dags: { ...tenDagTexts("broken"), d3: dagPython("d3", `EmptyOperator(task_id="a b")  # scrapes/d3/d3.yml:21`) },
  });
  await stack.sync(broken);
  const { code, answer } = await stack.agent("reload", "--release", broken.id);
  assert.is(code, 1);
  assert.match(answer.error?.message ?? "", /^DAG d3 does not import: .*a b/);
  assert.equal([answer.error?.file, answer.error?.line], ["scrapes/d3/d3.yml", 21]);
  await staysOn(good, answer);
});

test("a DAG that imports in the trial but not in Airflow is undone, and the host proven to be back", async () => {
  const good = await stack.deployed();
  const moody = dagPython("d1", `if "try-" not in os.environ["AIRFLOW_HOME"]: raise ValueError("not here")  # scrapes/d1/d1.yml:7`);
  const broken = makeRelease({ dags: { ...tenDagTexts("moody"), d1: moody } });
  await stack.sync(broken);
  const { code, answer, log } = await stack.agent("reload");
  assert.is(code, 1);
  assert.is(answer.error?.message, "DAG d1 does not import: ValueError: not here");
  assert.equal([answer.error?.file, answer.error?.line], ["scrapes/d1/d1.yml", 7]);
  assert.match(log, /waiting until Airflow serves it again/);
  await staysOn(good, answer);
});

test("a truncated and an altered blob are named, and the host stays where it is", async () => {
  const good = await stack.deployed();
  for (const [kind, damage] of [
    ["truncated", (bytes: Uint8Array) => bytes.slice(0, -1)],
    ["altered", (bytes: Uint8Array) => bytes.map((byte, index) => (index === 0 ? byte ^ 1 : byte))],
  ] as const) {
    const release = makeRelease({ dags: { ...tenDagTexts("whole"), d0: `${dagPython("d0")}# ${kind}\n` } });
    await stack.sync(release);
    await overwriteBlob(release, "dags/d0.py", damage);
    const { code, answer } = await stack.agent("reload");
    assert.is(code, 1);
    assert.match(answer.error?.message ?? "", new RegExp(`^the blob of dags/d0.py was .*${kind}`));
    await staysOn(good, answer);
    assert.not(existsSync(join(stack.home, "releases", release.id)));
  }
});

test("an agent that is killed leaves nothing that the next reload can't finish", async () => {
  for (const words of ["fetched", "switched", "waiting"]) {
    const release = tenDags(`killed at ${words}`);
    await stack.sync(release);
    await stack.killReloadAt(words);
    const { code, answer } = await stack.agent("reload", "--release", release.id);
    assert.is(code, 0, JSON.stringify(answer));
    assert.is((await stack.agent("status")).answer.release, release.id);
    assert.equal(
      readdirSync(stack.home).filter((name) => /switching|\.new$/.test(name)),
      [],
    );
  }
});

test("a release that was altered on the host is repaired", async () => {
  const good = (await stack.deployed()) ?? "";
  const file = join(stack.home, "releases", good, "dags", "d5.py");
  const text = readFileSync(file, "utf8");
  chmodSync(file, 0o644);
  writeFileSync(file, text.replace("first", "other"));
  writeFileSync(join(stack.home, "releases", good, "dags", "stranger.py"), dagPython("stranger"));
  const { code, answer } = await stack.agent("reload");
  assert.is(code, 0, JSON.stringify(answer));
  assert.is(answer.changed, true);
  assert.is(readFileSync(file, "utf8"), text);
  assert.not(existsSync(join(stack.home, "releases", good, "dags", "stranger.py")));
  assert.is((await stack.agent("reload")).answer.changed, false);
});

test("going back to an earlier release has Airflow read its files again", async () => {
  const here = tenDags("here");
  await deploy(here);
  await deploy(tenDags("there"));
  const file = join(stack.home, "releases", here.id, "dags", "d0.py");
  const before = statSync(file).mtimeMs;
  assert.ok((await deploy(here)).changed);
  assert.ok(statSync(file).mtimeMs > before);
});

test("no process of Airflow has a secret in its arguments or its environment", () => {
  const secrets = ["passwords.json", "keys.json"].flatMap((name) =>
    Object.values(JSON.parse(readFileSync(join(stack.airflow.airflowHome, name), "utf8")) as Record<string, string>),
  );
  secrets.push(
    ...readFileSync(join(stack.dir, "aws-credentials"), "utf8")
      .matchAll(/_key=(.+)/g)
      .map((match) => match[1] ?? ""),
  );
  assert.is(secrets.length, 5);
  for (const service of stack.airflow.services) {
    for (const what of ["cmdline", "environ"]) {
      const text = readFileSync(`/proc/${service.pid}/${what}`, "utf8");
      assert.ok(text.length > 0);
      for (const secret of secrets) assert.not(text.includes(secret), `${service.name}: ${what}`);
    }
    const log = readFileSync(service.logFile, "utf8");
    for (const secret of secrets) assert.not(log.includes(secret), service.logFile);
  }
});

function tenDagTexts(tag: string): Record<string, string> {
  return Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`d${index}`, `${dagPython(`d${index}`)}# ${tag}\n`]));
}

function tenDags(tag: string): Release {
  return makeRelease({ dags: tenDagTexts(tag) });
}

async function deploy(release: Release): Promise<Required<Pick<AgentAnswer, "changed" | "seconds" | "leaving">>> {
  await stack.sync(release);
  const { code, answer } = await stack.agent("reload", "--release", release.id);
  assert.is(code, 0, JSON.stringify(answer));
  const { ok, changed, seconds, leaving } = answer;
  assert.ok(ok && changed !== undefined && seconds !== undefined && leaving !== undefined);
  return { changed, seconds, leaving };
}

async function staysOn(release: string | undefined, answer: AgentAnswer): Promise<void> {
  assert.is(answer.ok, false);
  assert.is(answer.active, release);
  assert.is(await stack.deployed(), release);
  const { answer: status } = await stack.agent("status");
  assert.equal([status.release, status.healthy], [release, true]);
  const reloaded = await stack.agent("reload");
  assert.equal([reloaded.code, reloaded.answer.changed], [0, false]);
}

async function overwriteBlob(release: Release, path: string, damage: (bytes: Uint8Array) => Uint8Array): Promise<void> {
  const file = release.manifest.files.find((candidate) => candidate.path === path) ?? missing(path);
  const bytes = release.files.get(path) ?? missing(path);
  await stack.store.put(blobKey(file.sha256), damage(bytes));
}

async function startRun(dag: string, run: string): Promise<void> {
  const { call } = stack.airflow.api;
  await call("PATCH", `/dags/${dag}?update_mask=is_paused`, { is_paused: false });
  const { status, body } = await call("POST", `/dags/${dag}/dagRuns`, { dag_run_id: run, logical_date: null });
  assert.is(status, 200, JSON.stringify(body));
}

async function runEnds(dag: string, run: string): Promise<void> {
  await until(
    `run ${run} of ${dag} to end`,
    async () => {
      const { body } = await stack.airflow.api.call("GET", `/dags/${dag}/dagRuns/${run}`);
      const { state } = body as { state: string };
      assert.is.not(state, "failed");
      return state === "success";
    },
    { timeout: 60_000, interval: 200 },
  );
}

function missing(what: string): never {
  throw new Error(`missing: ${what}`);
}

test.run();
