import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type LocalAws, startAws } from "../../local/aws.ts";
import { findDrift } from "../../src/deploy/drift.ts";
import { readPointer } from "../../src/deploy/read-bucket.ts";
import { rollback } from "../../src/deploy/rollback.ts";
import { sync } from "../../src/deploy/sync.ts";
import { TransientError, UserError } from "../../src/errors.ts";
import { sha256 } from "../../src/ids.ts";
import { silentLog } from "../../src/log.ts";
import { blobKey } from "../../src/release/layout.ts";
import { S3ObjectStore, type S3Settings } from "../../src/services/s3.ts";
import { rejects } from "../rejects.ts";
import { until } from "../until.ts";
import { makeRelease } from "./make-release.ts";

const dir = mkdtempSync(join(tmpdir(), "dagline-sync-"));
const options = { commit: null, now: new Date("2024-02-29T12:00:00Z"), log: silentLog };
let aws: LocalAws;
let bucketNumber = 0;

test.before(async () => {
  aws = await startAws({ dir });
});
test.after(async () => {
  await aws.stop();
  rmSync(dir, { recursive: true });
});

async function newStore(): Promise<S3ObjectStore> {
  const bucket = `dagline-test-${bucketNumber++}`;
  await aws.createBuckets(bucket);
  return new S3ObjectStore({ bucket, region: aws.region, endpoint: aws.endpoint, credentials: aws.credentials });
}

test("of two syncs at once one wins whole, and the other says who won", async () => {
  const store = await newStore();
  await sync(makeRelease({ dags: 2 }), store, options);
  const releases = [makeRelease({ dags: 20, edited: 1 }), makeRelease({ dags: 30, edited: 1 })] as const;
  const outcomes = await Promise.allSettled(releases.map((release) => sync(release, store, options)));
  const won = outcomes.findIndex((outcome) => outcome.status === "fulfilled");
  const lost = outcomes.find((outcome) => outcome.status === "rejected");
  assert.instance(lost?.reason, TransientError);
  assert.match(lost?.reason.message, /another deploy moved the pointer to release [0-9a-f]{12}/);
  assert.is((await readPointer(store))?.pointer.release, releases[won]?.id);
  assert.equal(await findDrift(store, undefined, releases[won]?.id), []);
});

test("a sync that is killed half-way has not moved the pointer, and the next one finishes", async () => {
  const store = await newStore();
  const bucket = store.address.slice("s3://".length, -1);
  const first = makeRelease({ dags: 2 });
  await sync(first, store, options);
  const child = spawn(
    process.execPath,
    [fileURLToPath(import.meta.resolve("./sync-slowly.ts")), JSON.stringify({ bucket, region: aws.region, endpoint: aws.endpoint })],
    {
      stdio: ["pipe", "inherit", "inherit"],
    },
  );
  child.stdin.end(JSON.stringify(aws.credentials));
  await until("some blobs to arrive", async () => (await count(store, "blobs/")) > first.files.size + 5);
  child.kill("SIGKILL");
  const [, signal] = (await once(child, "exit")) as [number | null, string | null];
  assert.is(signal, "SIGKILL", "it was killed half-way, not when it was done");
  assert.is((await readPointer(store))?.pointer.release, first.id);
  const second = makeRelease({ dags: 400 });
  assert.is((await sync(second, store, options)).changed, true);
  assert.equal(await findDrift(store, undefined, second.id), []);
});

test("a rollback moves to the release before, and back", async () => {
  const store = await newStore();
  const [first, second] = [makeRelease({ dags: 1 }), makeRelease({ dags: 2 })];
  await sync(first, store, options);
  await sync(second, store, options);
  assert.is((await rollback(store, { now: options.now })).release, first.id);
  assert.is((await rollback(store, { now: options.now, to: second.id.slice(0, 8) })).release, second.id);
  assert.is((await readPointer(store))?.pointer.release, second.id);
});

test("a rollback to a release with a missing file is refused and names the file", async () => {
  const store = await newStore();
  const [first, second] = [makeRelease({ dags: 3 }), makeRelease({ dags: 1, edited: 1 })];
  await sync(first, store, options);
  await sync(second, store, options);
  await store.put(blobKey(sha256("DAG 2\n")), Buffer.from("cut"));
  const error = await rejects(rollback(store, { now: options.now }), /dags\/dag_2\.py has 3 bytes instead of 6/);
  assert.instance(error, UserError);
  assert.is((await readPointer(store))?.pointer.release, second.id);
});

test("the first release has none before it to roll back to", async () => {
  const store = await newStore();
  await sync(makeRelease({ dags: 1 }), store, options);
  await rejects(rollback(store, { now: options.now }), /is the first/);
});

test("drift names the host that runs another release and the checkout that renders another", async () => {
  const store = await newStore();
  const [first, second] = [makeRelease({ dags: 1 }), makeRelease({ dags: 2 })];
  await sync(first, store, options);
  const drift = await findDrift(
    store,
    {
      release: second.id,
      healthy: false,
      inFlight: null,
      leaving: [],
      paused: null,
      pausedRemoved: null,
      dags: 1,
      problems: ["the scheduler is away"],
    },
    second.id,
  );
  assert.equal(
    drift.map(({ where }) => where),
    ["host", "host", "checkout"],
  );
  assert.is(drift[1]?.message, "the scheduler is away");
});

test("a missing bucket and a server that is away are each one plain line with what to do", async () => {
  const release = makeRelease({ dags: 1 });
  const at = (settings: Partial<S3Settings>): S3ObjectStore =>
    new S3ObjectStore({ bucket: "dagline-none", region: aws.region, endpoint: aws.endpoint, credentials: aws.credentials, ...settings });
  const missing = await rejects(sync(release, at({}), options), /there is no such bucket/);
  assert.instance(missing, UserError);
  const away = await rejects(sync(release, at({ endpoint: "http://127.0.0.1:9" }), options), /ECONNREFUSED/);
  assert.instance(away, TransientError);
});

async function count(store: S3ObjectStore, prefix: string): Promise<number> {
  let found = 0;
  for await (const _ of store.list(prefix)) found += 1;
  return found;
}

test.run();
