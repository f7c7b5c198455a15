import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readPointer } from "../../src/deploy/read-bucket.ts";
import { sync } from "../../src/deploy/sync.ts";
import { UserError } from "../../src/errors.ts";
import { restoreRelease } from "../../src/host/install.ts";
import { readStanding, writeStanding } from "../../src/host/standing.ts";
import type { ReleaseId } from "../../src/ids.ts";
import { silentLog } from "../../src/log.ts";
import type { Release } from "../../src/release/build-release.ts";
import { pointerKey, printPointer } from "../../src/release/layout.ts";
import { folderStore } from "./folder-store.ts";
import { countChanges } from "./kill-at.ts";
import { makeRelease } from "./make-release.ts";
import { reloadOnce } from "./reload-once.ts";

/*
 * Each step of a reload fails, and each step of what undoes it. A step is a change to the disk, a request to the bucket, the trial, or a
 * question to Airflow.
 */

const memory = "/dev/shm";
const dir = mkdtempSync(join(existsSync(memory) ? memory : tmpdir(), "dagline-fail-"));
test.after(() => rmSync(dir, { recursive: true, force: true }));

let failing: readonly number[] = [];
const changes = countChanges({
  stopsAt: (change) => failing.includes(change - offset),
  stop(disk) {
    throw disk ? Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" }) : new UserError("refused");
  },
});
let offset = 0;

const second = makeRelease({ dags: { one: "2" } });
const bad = makeRelease({ dags: { bad: "3" } });

for (const [which, hostPackage] of [
  ["the same host package", undefined],
  ["a host package that was upgraded meanwhile", "0"],
] as const) {
  const first = makeRelease({ dags: { one: "1" }, ...(hostPackage === undefined ? {} : { hostPackage }) });
  for (const [verdict, next] of [
    ["good", second],
    ["bad", bad],
  ] as const) {
    const failures = verdict === "good" ? "any two failures" : "any failure of what undoes it";
    test(`with ${which}, a ${verdict} release and ${failures} leave a host that recovers by itself`, async () => {
      const start = await startOn(first, next);
      // A bad release is the first failure itself.
      const total = await failEach(verdict === "good" ? 2 : 1, async (failed) => {
        const what = `failed at ${failed.join(" and ")}`;
        const place = copyOf(start);
        const count = await reload(place, verdict, failed);
        await holds(place, { first, next, verdict, what });
        const switching = readStanding(place.home).kind === "switching";
        const rolledBack = switching ? copyOf(place.dir) : undefined;
        await reload(place, verdict, []);
        const stood = await stands(place, what);
        if (verdict === "bad") assert.is(stood, first.id, what);
        if (rolledBack !== undefined) {
          await movePointer(rolledBack.bucket, first.id);
          await reload(rolledBack, verdict, []);
          assert.is(await stands(rolledBack, what), first.id, `${what}, then rolled back`);
        }
        for (const copy of [place, rolledBack]) if (copy !== undefined) rmSync(copy.dir, { recursive: true });
        return count;
      });
      assert.ok(total > 40, `${total} cases`);
    });
  }
}

/** Each step fails, and with `times` 2 each step after it as well. `run` returns how many steps there were; this, how many cases. */
async function failEach(times: 1 | 2, run: (failed: readonly number[]) => Promise<number>): Promise<number> {
  let cases = 0;
  const steps = await run([]);
  for (let i = 1; i <= steps; i++, cases++) {
    const after = await run([i]);
    for (let j = i + 1; times === 2 && j <= after; j++, cases++) await run([i, j]);
  }
  return cases;
}

interface Place {
  readonly dir: string;
  readonly home: string;
  readonly bucket: string;
}

function placeIn(folder: string): Place {
  return { dir: folder, home: join(folder, "home"), bucket: join(folder, "bucket") };
}

/** A host that was proven to serve the first release, and a bucket that names the next. */
async function startOn(first: Release, next: Release): Promise<string> {
  const { dir: start, home, bucket } = placeIn(mkdtempSync(join(dir, "start-")));
  const store = folderStore(bucket);
  const deploy = (release: Release) => sync(release, store, { commit: null, now: new Date(), log: silentLog });
  await deploy(first);
  await restoreRelease({ home, store, log: silentLog }, first.id);
  const active = { release: first.id, previous: null, commit: null, activated_at: "2024-01-01T00:00:00Z" };
  writeStanding(home, { kind: "proven", active });
  await deploy(next);
  return start;
}

function copyOf(folder: string): Place {
  const copy = placeIn(mkdtempSync(join(dir, "copy-")));
  cpSync(folder, copy.dir, { recursive: true, preserveTimestamps: true });
  return copy;
}

/** Returns how many steps it had. */
async function reload({ home, bucket }: Place, verdict: string, failed: readonly number[]): Promise<number> {
  [failing, offset] = [failed, changes.count()];
  await reloadOnce(home, bucket, verdict, changes);
  failing = [];
  return changes.count() - offset;
}

/** As a rollback does it. */
async function movePointer(bucket: string, release: ReleaseId): Promise<void> {
  const pointer = { release, previous: null, commit: null, deployed_at: "2024-01-02T00:00:00Z" };
  await folderStore(bucket).put(pointerKey, printPointer(pointer));
}

interface Case {
  readonly first: Release;
  readonly next: Release;
  readonly verdict: string;
  readonly what: string;
}

/** The invariants of src/host/standing.ts. */
async function holds({ home, bucket }: Place, { first, next, verdict, what }: Case): Promise<void> {
  const standing = readStanding(home);
  const pointer = (await readPointer(folderStore(bucket)))?.pointer.release;
  if (standing.kind === "empty") return assert.unreachable(what);
  if (standing.kind === "switching") {
    assert.is(standing.from?.release, first.id, what);
    assert.is(pointer, next.id, `${what}: the pointer was moved to a release that is not proven`);
  } else {
    if (verdict === "bad") assert.is(standing.active.release, first.id, `${what}: the bad release is called proven`);
    if (pointer !== next.id) assert.is(standing.active.release, pointer, what);
  }
}

/** Host and bucket agree on a proven release, and nothing is left over. */
async function stands({ home, bucket }: Place, what: string): Promise<ReleaseId> {
  const standing = readStanding(home);
  if (standing.kind !== "proven") throw new Error(`${what}: ${standing.kind}`);
  assert.is((await readPointer(folderStore(bucket)))?.pointer.release, standing.active.release, what);
  const leftovers = readdirSync(home, { recursive: true, encoding: "utf8" }).filter((name) => /switching|\.new$|\.partial|try-/.test(name));
  assert.equal(leftovers, [], what);
  return standing.active.release;
}

test.run();
