import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { deployedContents } from "../../src/deploy/deployed-contents.ts";
import type { ObjectStore, StoredObject } from "../../src/deploy/object-store.ts";
import { sync } from "../../src/deploy/sync.ts";
import { sha256 } from "../../src/ids.ts";
import { silentLog } from "../../src/log.ts";
import { contentsOfRelease, readFolder } from "../../src/plan/contents.ts";
import { makePlan } from "../../src/plan/make-plan.ts";
import { buildRelease, type Release, writeRelease } from "../../src/release/build-release.ts";
import { blobKey } from "../../src/release/layout.ts";
import { makeDag, makeScrape, writeSources } from "../release/make-dags.ts";
import { now } from "./make-contents.ts";

const temp = mkdtempSync(join(tmpdir(), "dagline-plan-"));
let before: Release;
let after: Release;

test.before(async () => {
  const shared =
    'import { word } from "../shared/words.ts";\nexport async function extract() { return word; }\nexport async function transform() {}\n';
  const build = (retries: number, word: string): Promise<Release> => {
    const scrapes = ["a", "b", "c"].map((name) => makeScrape(name, [makeDag({ id: name, retries: name === "a" ? retries : 0 })]));
    const root = join(temp, word);
    const sources = {
      "scrapes/b/functions.ts": shared,
      "scrapes/c/functions.ts": shared,
      "scrapes/shared/words.ts": `export const word = "${word}";\n`,
    };
    writeSources(root, scrapes, sources);
    return buildRelease(scrapes, { root });
  };
  [before, after] = [await build(0, "one"), await build(1, "two")];
});
test.after(() => rmSync(temp, { recursive: true, force: true }));

test("a rendered release, the bucket and a folder give the same plan", async () => {
  const next = contentsOfRelease(after, null);
  const { store } = memoryStore();
  await sync(before, store, { commit: null, now, log: silentLog });
  writeRelease(before, join(temp, "out"));
  const plans = [contentsOfRelease(before, null), await deployedContents(store, next, silentLog), readFolder(join(temp, "out"))].map(
    (base) => makePlan(base, next, { now }),
  );
  assert.equal(plans[1], plans[0]);
  assert.equal(plans[2], plans[0]);
  assert.equal(
    plans[0]?.dags.map(({ dag, changes }) => [dag, ...changes.map(({ what }) => what)]),
    [
      ["a", "setting"],
      ["b", "code"],
      ["c", "code"],
    ],
  );
});

test("a shared module that changed is named for each bundle that imports it", () => {
  const plan = makePlan(contentsOfRelease(before, null), contentsOfRelease(after, null), { now });
  assert.equal(
    plan.code.map(({ bundle, because }) => [bundle, because]),
    [
      ["functions/b.mjs", ["scrapes/shared/words.ts"]],
      ["functions/c.mjs", ["scrapes/shared/words.ts"]],
    ],
  );
});

test("of the bucket, only what the new release has otherwise is fetched", async () => {
  const { store, asked } = memoryStore();
  await sync(before, store, { commit: null, now, log: silentLog });
  asked.length = 0;
  await deployedContents(store, contentsOfRelease(before, null), silentLog);
  assert.is(asked.length, 2);
  asked.length = 0;
  await deployedContents(store, contentsOfRelease(after, null), silentLog);
  const wanted = before.manifest.files.filter(
    ({ path, sha256: digest }) => !path.startsWith("specs/") && !after.manifest.files.some((file) => file.sha256 === digest),
  );
  assert.equal(asked.slice(2).sort(), wanted.map((file) => blobKey(file.sha256)).sort());
});

test("an empty bucket is no base", async () => {
  assert.is(await deployedContents(memoryStore().store, contentsOfRelease(after, null), silentLog), null);
});

test("a blob that was altered or is gone leaves details unknown, and is warned of", async () => {
  const { store, objects } = memoryStore();
  await sync(before, store, { commit: null, now, log: silentLog });
  const key = blobKey(sha256(before.files.get("definitions/a.json") ?? ""));
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
  for (const damage of [() => objects.set(key, Buffer.from("{}")), () => objects.delete(key)]) {
    damage();
    const base = await deployedContents(store, contentsOfRelease(after, null), log);
    const plan = makePlan(base, contentsOfRelease(after, null), { now });
    assert.equal(
      plan.dags[0]?.changes.map(({ what }) => what),
      ["details unknown"],
    );
  }
  assert.is(warnings.length, 2);
  assert.match(warnings[0] ?? "", /^1 files of release/);
});

test("a folder without a release, or with an altered file, is refused", () => {
  assert.throws(() => readFolder(join(temp, "nowhere")), /holds no release/);
  const dir = join(temp, "altered");
  writeRelease(before, dir);
  writeFileSync(join(dir, "dags", "a.py"), "import os\n");
  assert.throws(() => readFolder(dir).text("dags/a.py"), /is not the file that the release's manifest names/);
  assert.is(readFolder(dir).text("../../etc/passwd"), undefined);
});

/** An ObjectStore of a Map, and the keys that were asked for. */
function memoryStore(): { store: ObjectStore; objects: Map<string, Uint8Array>; asked: string[] } {
  const objects = new Map<string, Uint8Array>();
  const asked: string[] = [];
  const store: ObjectStore = {
    address: "memory://",
    async get(key): Promise<StoredObject | undefined> {
      asked.push(key);
      const body = objects.get(key);
      return body === undefined ? undefined : { body, etag: sha256(body), metadata: {} };
    },
    async head() {
      return undefined;
    },
    async put(key, body, { ifNoneMatch } = {}) {
      if (ifNoneMatch === "*" && objects.has(key)) return "conflict";
      objects.set(key, body);
      return { etag: sha256(body) };
    },
    async *list() {},
  };
  return { store, objects, asked };
}

test.run();
