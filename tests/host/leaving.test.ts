import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { sync } from "../../src/deploy/sync.ts";
import type { Airflow, UnfinishedRun } from "../../src/host/airflow.ts";
import { releaseDir } from "../../src/host/folder.ts";
import { restoreRelease } from "../../src/host/install.ts";
import { serveLeaving } from "../../src/host/leaving.ts";
import { writeStanding } from "../../src/host/standing.ts";
import { status } from "../../src/host/status.ts";
import { silentLog } from "../../src/log.ts";
import { releaseKey } from "../../src/release/layout.ts";
import { folderStore } from "./folder-store.ts";
import { dagPython, makeRelease } from "./make-release.ts";
import { airflowOn } from "./reload-once.ts";

const dir = mkdtempSync(join(tmpdir(), "dagline-leaving-"));
test.after(() => rmSync(dir, { recursive: true, force: true }));

const spec = (table: string) => JSON.stringify({ tasks: { load: { kind: "load", table }, extract: { kind: "extract" } } });
const before = makeRelease({
  dags: { stays: dagPython("stays"), gone: dagPython("gone") },
  files: { "specs/stays.json": spec("old"), "specs/gone.json": spec("gone") },
});
const now = makeRelease({ dags: { stays: dagPython("stays") }, files: { "specs/stays.json": spec("new") } });
const leave = "\nfrom dagline_airflow.leaving import leave\n\nleave(dag)\n";
let home: string;
let bucket: string;
let runs: UnfinishedRun[];

test.before.each(async () => {
  const place = mkdtempSync(join(dir, "place-"));
  [home, bucket] = [join(place, "home"), join(place, "bucket")];
  for (const release of [before, now]) {
    await sync(release, folderStore(bucket), { commit: null, now: new Date(), log: silentLog });
    await restoreRelease({ home, store: folderStore(bucket), log: silentLog }, release.id);
  }
  runs = [];
});

test("a removed DAG is served from its own release while it has runs, and no longer", async () => {
  runs = [{ dag: "gone", release: before.id }];
  assert.equal(await serve(), ["gone"]);
  assert.is(leaving("gone"), dagPython("gone") + leave);
  runs = [];
  assert.equal(await serve(), []);
  assert.equal(files(), []);
});

test("a DAG that the release has is served by it alone", async () => {
  runs = [{ dag: "gone", release: before.id }];
  await serve();
  assert.equal(await serve(before), []);
  assert.equal(files(), []);
});

test("runs that belong to no release of ours are left alone", async () => {
  runs = [
    { dag: "theirs", release: null },
    { dag: "theirs", release: "v1" },
    { dag: "../x", release: before.id },
  ];
  assert.equal(await serve(), []);
});

test("a removed DAG whose release is no longer on the host is fetched", async () => {
  rmSync(releaseDir(home, before.id), { recursive: true });
  runs = [{ dag: "gone", release: before.id }];
  assert.equal(await serve(), ["gone"]);
});

test("a release that can't be had leaves what is served as it is", async () => {
  runs = [{ dag: "gone", release: before.id }];
  await serve();
  rmSync(releaseDir(home, before.id), { recursive: true });
  rmSync(join(bucket, releaseKey(before.id)));
  assert.equal(await serve(), ["gone"]);
  assert.is(leaving("gone"), dagPython("gone") + leave);
});

test("tables that runs of earlier releases still load stay known to Airflow", async () => {
  runs = [{ dag: "stays", release: before.id }];
  assert.equal(await serve(), []);
  assert.equal(files(), ["dagline_tables_of_earlier_releases.py"]);
  assert.match(leaving("dagline_tables_of_earlier_releases"), /outlets=\[Asset\(\s*name="old",\s*uri="x-dagline:\/\/tables\/old",?\s*\)\]/);
  runs = [{ dag: "stays", release: now.id }];
  await serve();
  assert.equal(files(), []);
});

test("what else lies in the folder is removed, and a link is not followed", async () => {
  mkdirSync(join(home, "leaving", "folder.py"), { recursive: true });
  symlinkSync(join(releaseDir(home, before.id), "dags", "gone.py"), join(home, "leaving", "gone.py"));
  runs = [{ dag: "gone", release: before.id }];
  await serve();
  assert.equal(files(), ["gone.py"]);
  assert.is(readFileSync(join(releaseDir(home, before.id), "dags", "gone.py"), "utf8"), dagPython("gone"));
  assert.is(leaving("gone"), dagPython("gone") + leave);
});

test("the status names a removed DAG that has runs, and says so when Airflow does not go on with them", async () => {
  writeStanding(home, {
    kind: "proven",
    active: { release: now.id, previous: before.id, commit: null, activated_at: "2024-01-01T00:00:00Z" },
  });
  runs = [{ dag: "gone", release: before.id }];
  const ask = async (beside: string[]) => {
    const airflow = { ...airflowOn(home, "good"), unfinishedRuns: async () => runs, servedBeside: async () => beside };
    const { leaving, problems } = await status({ home, airflow, now: () => new Date(Date.now() + 120_000) });
    return { leaving, problems };
  };
  const still = "runs of gone, which was removed, stand still: the next reload has them go on";
  assert.equal(await ask([]), { leaving: [], problems: [still] });
  await serve();
  assert.equal(await ask(["gone"]), { leaving: ["gone"], problems: [] });
  const { problems } = await ask([]);
  assert.match(problems.join(), /^runs of gone, which was removed, stand still: Airflow does not serve it from .*leaving\/gone\.py/);
});

test("an Airflow that does not tell its runs changes nothing", async () => {
  runs = [{ dag: "gone", release: before.id }];
  await serve();
  assert.is(await serve(now, Promise.reject(new Error("down"))), undefined);
  assert.ok(existsSync(join(home, "leaving", "gone.py")));
});

function serve(release = now, told: Promise<UnfinishedRun[]> = Promise.resolve(runs)): Promise<string[] | undefined> {
  const unused = (): never => {
    throw new Error("not asked for");
  };
  const airflow: Airflow = {
    ...airflowOn(home, "good"),
    unfinishedRuns: () => told,
  };
  const host = { home, store: folderStore(bucket), airflow, prepareTrial: unused, now: () => new Date(), log: silentLog };
  return serveLeaving(host, release.id, release.manifest);
}

function files(): string[] {
  return readdirSync(join(home, "leaving"));
}

function leaving(dag: string): string {
  return readFileSync(join(home, "leaving", `${dag}.py`), "utf8");
}

test.run();
