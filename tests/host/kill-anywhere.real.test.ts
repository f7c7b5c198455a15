import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { forEachLimited } from "../../src/deploy/for-each-limited.ts";
import { readPointer } from "../../src/deploy/read-bucket.ts";
import { sync } from "../../src/deploy/sync.ts";
import { releaseDir } from "../../src/host/folder.ts";
import { readActive } from "../../src/host/standing.ts";
import { sha256 } from "../../src/ids.ts";
import { silentLog } from "../../src/log.ts";
import type { Release } from "../../src/release/build-release.ts";
import { folderStore } from "./folder-store.ts";
import { makeRelease } from "./make-release.ts";
import { type Outcome, reloadOnce } from "./reload-once.ts";

const dir = mkdtempSync(join(tmpdir(), "dagline-kill-"));
test.after(() => rmSync(dir, { recursive: true, force: true }));

/** Bundled, it starts in a fifth of the time, and it starts some hundred times. */
const program = join(dir, "killable-reload.mjs");
test.before(async () => {
  await build({
    entryPoints: [join(import.meta.dirname, "killable-reload.ts")],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "esm",
    banner,
  });
});
const banner = { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' };

const first = makeRelease({ dags: { one: "1", two: "2" } });
const second = makeRelease({ dags: { one: "1", two: "3" }, files: { "functions/x.mjs": "x" } });
const bad = makeRelease({ dags: { one: "1", bad: "4" } });

test("a reload that is killed at any of its changes is finished by the next one", async () => {
  await killedEverywhere(second, "good", async (home, bucket, what) => {
    assert.equal(await reload(home, bucket, "good"), { ok: true, release: second.id }, what);
    await stands(second, home, bucket, what);
  });
});

test("a reload that goes back from a bad release and is killed at any of its changes is taken back whole by the next one", async () => {
  await killedEverywhere(bad, "bad", async (home, bucket, what) => {
    const { ok } = await reload(home, bucket, "bad");
    // The pointer was moved back before the kill, or the bad release was tried and refused once more.
    if (ok) assert.is(readActive(home)?.release, first.id, what);
    await stands(first, home, bucket, what);
  });
});

test("the first release of all is installed by the next reload wherever the one before was killed", async () => {
  await killedEverywhere(
    first,
    "good",
    async (home, bucket, what) => {
      assert.equal(await reload(home, bucket, "good"), { ok: true, release: first.id }, what);
      await stands(first, home, bucket, what);
    },
    { fresh: true },
  );
});

type After = (home: string, bucket: string, what: string) => Promise<void>;

async function killedEverywhere(release: Release, verdict: string, after: After, { fresh = false } = {}): Promise<void> {
  const start = mkdtempSync(join(dir, "start-"));
  const [home, bucket] = [join(start, "home"), join(start, "bucket")];
  if (!fresh) {
    await deploy(first, bucket);
    assert.equal(await reload(home, bucket, "good"), { ok: true, release: first.id });
  }
  await deploy(release, bucket);
  const whole = await inCopy(start, (copy) => run(join(copy, "home"), join(copy, "bucket"), verdict, 0));
  const changes = whole.answer?.changes ?? 0;
  assert.ok(changes > 20, `${changes} changes`);
  await forEachLimited(
    2,
    Array.from({ length: changes }, (_, index) => index + 1),
    (killAt) =>
      inCopy(start, async (copy) => {
        const [home, bucket] = [join(copy, "home"), join(copy, "bucket")];
        const what = `killed at change ${killAt} of ${changes}`;
        assert.is((await run(home, bucket, verdict, killAt)).signal, "SIGKILL", what);
        wholeOrNothing(home, what);
        await after(home, bucket, what);
      }),
  );
  process.stderr.write(`${verdict}${fresh ? ", first" : ""}: killed at each of ${changes} changes\n`);
}

async function inCopy<T>(start: string, work: (copy: string) => Promise<T>): Promise<T> {
  const copy = mkdtempSync(join(dir, "copy-"));
  cpSync(start, copy, { recursive: true, preserveTimestamps: true });
  return work(copy).finally(() => rmSync(copy, { recursive: true, force: true }));
}

function deploy(release: Release, bucket: string) {
  return sync(release, folderStore(bucket), { commit: null, now: new Date(), log: silentLog });
}

interface Answer extends Outcome {
  readonly changes: number;
}

function run(
  home: string,
  bucket: string,
  verdict: string,
  killAt: number,
): Promise<{ signal: string | null; answer: Answer | undefined }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, home, bucket, verdict, String(killAt)], (error, stdout) => {
      resolve({ signal: error?.signal ?? null, answer: stdout === "" ? undefined : (JSON.parse(stdout) as Answer) });
    });
  });
}

/** Not in a process of its own, which takes most of the time: what the one that was killed left is on the disk. */
async function reload(home: string, bucket: string, verdict: string): Promise<{ ok: boolean; release: string | undefined }> {
  const { ok, release } = await reloadOnce(home, bucket, verdict);
  return { ok, release };
}

/** Whatever active.json names at this moment is on the disk, every byte of it. */
function wholeOrNothing(home: string, what: string): void {
  const active = readActive(home);
  if (active === undefined) return;
  const release = [first, second, bad].find(({ id }) => id === active.release);
  assert.ok(release, what);
  for (const file of release?.manifest.files ?? []) {
    assert.is(sha256(readFileSync(join(releaseDir(home, active.release), file.path))), file.sha256, `${what}: ${file.path}`);
  }
}

async function stands(release: Release, home: string, bucket: string, what: string): Promise<void> {
  wholeOrNothing(home, what);
  assert.is(readActive(home)?.release, release.id, what);
  assert.is((await readPointer(folderStore(bucket)))?.pointer.release, release.id, what);
  const leftovers = readdirSync(home, { recursive: true, encoding: "utf8" }).filter((name) => /switching|\.new$|\.partial|try-/.test(name));
  assert.equal(leftovers, [], what);
  assert.ok(existsSync(join(home, "active.json")), what);
}

test.run();
