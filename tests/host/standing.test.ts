import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readPointer } from "../../src/deploy/read-bucket.ts";
import { sync } from "../../src/deploy/sync.ts";
import { releaseDir } from "../../src/host/folder.ts";
import { restoreRelease } from "../../src/host/install.ts";
import { readHostSettings } from "../../src/host/settings.ts";
import { readStanding, writeStanding } from "../../src/host/standing.ts";
import { status } from "../../src/host/status.ts";
import { silentLog } from "../../src/log.ts";
import type { Release } from "../../src/release/build-release.ts";
import { blobKey } from "../../src/release/layout.ts";
import { folderStore } from "./folder-store.ts";
import { makeRelease } from "./make-release.ts";
import { airflowOn, reloadOnce } from "./reload-once.ts";

const dir = mkdtempSync(join(tmpdir(), "dagline-standing-"));
test.after(() => rmSync(dir, { recursive: true, force: true }));

const first = makeRelease({ dags: { one: "1" }, files: { "functions/x.mjs": "x" } });
const second = makeRelease({ dags: { one: "2" } });
const bad = makeRelease({ dags: { bad: "3" } });
let home: string;
let bucket: string;

test.before.each(async () => {
  const place = mkdtempSync(join(dir, "place-"));
  [home, bucket] = [join(place, "home"), join(place, "bucket")];
  await deploy(first);
  assert.is((await reload("good")).ok, true);
});

test("a release that fails while the one before can't be restored is never called proven, and is left once it can", async () => {
  damage(first, "dags/one.py");
  const blob = blobOf(first, "dags/one.py");
  renameSync(blob, `${blob}.away`);
  await deploy(bad);
  for (let tries = 0; tries < 3; tries++) {
    assert.match((await reload("bad")).message ?? "", "DAG bad does not import");
    const standing = readStanding(home);
    assert.is(standing.kind === "switching" ? standing.from?.release : standing.kind, first.id);
    assert.is(await deployed(), bad.id, "the pointer is not moved to a release that the host does not serve");
  }
  renameSync(`${blob}.away`, blob);
  await reload("bad");
  assert.is(readStanding(home).kind, "proven");
  assert.equal([await served(), await deployed()], [first.id, first.id]);
  assert.is(text(first, "dags/one.py"), "1");
});

test("a release that is deployed while the host could not go back is taken", async () => {
  damage(first, "dags/one.py");
  rmSync(blobOf(first, "dags/one.py"));
  await deploy(bad);
  assert.is((await reload("bad")).ok, false);
  await deploy(second);
  assert.is((await reload("bad")).ok, true);
  assert.equal([readStanding(home).kind, await served(), await deployed()], ["proven", second.id, second.id]);
});

for (const [what, files, from] of [
  ["a settled release", { active: first }, first],
  ["a switch under way", { active: second, switching: first }, first],
  ["a first switch under way", { active: second, switching: null }, null],
] as const) {
  test(`what an earlier agent wrote of ${what} is not taken for proven until it is`, async () => {
    writeFileSync(join(home, "active.json"), earlier(files.active));
    if ("switching" in files) writeFileSync(join(home, "switching.json"), `{"from":${files.switching ? earlier(files.switching) : null}}`);
    const before = readStanding(home);
    assert.is(before.kind === "switching" ? (before.from?.release ?? null) : before.kind, from?.id ?? null);
    await deploy(second);
    assert.is((await reload("good")).ok, true);
    assert.equal([readStanding(home).kind, await served()], ["proven", second.id]);
    assert.not(existsSync(join(home, "switching.json")));
  });
}

test("a release that this host was proven to serve stays its release across an upgrade of the host package", async () => {
  const old = makeRelease({ dags: { one: "old" }, hostPackage: "0" });
  await deploy(old);
  await restoreRelease({ home, store: folderStore(bucket), log: silentLog }, old.id);
  const active = { release: old.id, previous: first.id, commit: null, activated_at: "2024-01-01T00:00:00Z" };
  writeStanding(home, { kind: "proven", active });
  assert.is((await reload("good")).ok, true);
});

test("the bad release that an earlier agent took for proven is not gone back to without a proof", async () => {
  await deploy(bad);
  writeFileSync(join(home, "active.json"), earlier(bad));
  assert.is((await reload("bad")).ok, false);
  assert.is(readStanding(home).kind, "switching");
  await deploy(second);
  assert.is((await reload("good")).ok, true);
  assert.equal([readStanding(home).kind, await served()], ["proven", second.id]);
});

test("a release for another version of the host package is refused before anything is switched", async () => {
  const old = makeRelease({ dags: { one: "old" }, hostPackage: "0" });
  await deploy(old);
  assert.match((await reload("good")).message ?? "", "needs version 0 of dagline's host package, and this host has version 1");
  assert.equal([await served(), await deployed()], [first.id, first.id], "nothing was switched");
});

test("a damaged active.json is refused with what to do, told by the status, and done without once it is removed", async () => {
  for (const text of ["", "{", "null", "[]", '{"release":"x","previous":null}']) {
    writeFileSync(join(home, "active.json"), text);
    assert.match((await reload("good")).message ?? "", /active\.json (is not JSON|does not name a release)$/);
    assert.is((await status({ home, airflow: airflowOn(home, "good"), now: () => new Date() })).healthy, false);
  }
  rmSync(join(home, "active.json"));
  assert.is((await reload("good")).ok, true);
});

test("a host.json that holds nothing is refused as one that lacks its settings", () => {
  writeFileSync(join(home, "host.json"), "null");
  assert.throws(() => readHostSettings(home), /host\.json lacks bucket/);
});

const damages: Record<string, () => void> = {
  "a folder in a file's place": () => {
    rmSync(path("dags/one.py"));
    cpSync(path("functions"), path("dags/one.py"), { recursive: true });
  },
  "a file in a folder's place": () => {
    rmSync(path("functions"), { recursive: true });
    writeFileSync(path("functions"), "");
  },
  "a link in the place of dags/": () => {
    cpSync(path("dags"), join(home, "elsewhere"), { recursive: true });
    rmSync(path("dags"), { recursive: true });
    symlinkSync(join(home, "elsewhere"), path("dags"));
  },
  "a link of a DAG file to the same bytes": () => {
    writeFileSync(join(home, "one.py"), "1");
    rmSync(path("dags/one.py"));
    symlinkSync(join(home, "one.py"), path("dags/one.py"));
  },
  "a link in the place of the release": () => {
    renameSync(path(""), join(home, "moved"));
    symlinkSync(join(home, "moved"), releaseDir(home, first.id));
  },
  "a link in the place of its manifest": () => {
    renameSync(path("manifest.json"), join(home, "manifest.json"));
    symlinkSync(join(home, "manifest.json"), path("manifest.json"));
  },
  "a folder in the place of its notes": () => {
    rmSync(path("release.json"));
    cpSync(path("functions"), path("release.json"), { recursive: true });
  },
  "a file that can be written": () => chmodSync(path("dags/one.py"), 0o666),
  "a folder that can't be entered": () => chmodSync(path("dags"), 0),
  "a folder of strangers": () => cpSync(path("functions"), path("dags/functions"), { recursive: true }),
  "what a mend that was stopped left": () => writeFileSync(path("dags/one.py.new"), "1"),
};

for (const [what, damaged] of Object.entries(damages)) {
  test(`${what} is mended by one reload, and the next finds nothing`, async () => {
    damaged();
    const { ok, changed, message } = await reload("good");
    assert.equal([ok, changed], [true, true], message);
    assert.is((await reload("good")).changed, false);
    assert.is(text(first, "dags/one.py"), "1");
    assert.is(text(first, "functions/x.mjs"), "x");
  });
}

test("a mend that stopped half-way is continued by the next reload", async () => {
  damage(first, "dags/one.py");
  damage(first, "functions/x.mjs");
  const blob = blobOf(first, "functions/x.mjs");
  renameSync(blob, `${blob}.away`);
  assert.match((await reload("good")).message ?? "", "the blob of functions/x.mjs is missing");
  renameSync(`${blob}.away`, blob);
  assert.equal([(await reload("good")).ok, text(first, "dags/one.py"), text(first, "functions/x.mjs")], [true, "1", "x"]);
});

function earlier({ id }: Release): string {
  return JSON.stringify({ release: id, previous: null, commit: null, activated_at: "2024-01-01T00:00:00Z" });
}

async function deploy(release: Release): Promise<void> {
  await sync(release, folderStore(bucket), { commit: null, now: new Date(), log: silentLog });
}

function reload(verdict: string) {
  return reloadOnce(home, bucket, verdict);
}

async function deployed(): Promise<string | undefined> {
  return (await readPointer(folderStore(bucket)))?.pointer.release;
}

async function served(): Promise<string | undefined> {
  const standing = readStanding(home);
  return standing.kind === "empty" ? undefined : standing.active.release;
}

function path(name: string): string {
  return join(releaseDir(home, first.id), name);
}

function text(release: Release, name: string): string {
  return readFileSync(join(releaseDir(home, release.id), name), "utf8");
}

function damage(release: Release, name: string): void {
  const file = join(releaseDir(home, release.id), name);
  chmodSync(file, 0o644);
  writeFileSync(file, "damaged");
}

function blobOf(release: Release, name: string): string {
  const file = release.manifest.files.find((candidate) => candidate.path === name);
  if (file === undefined) throw new Error(name);
  return join(bucket, blobKey(file.sha256));
}

test.run();
