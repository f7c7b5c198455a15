import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type LocalAws, startAws } from "../../local/aws.ts";
import { findDrift } from "../../src/deploy/drift.ts";
import { readPointer } from "../../src/deploy/read-bucket.ts";
import { repair } from "../../src/deploy/repair.ts";
import { rollback } from "../../src/deploy/rollback.ts";
import { sync } from "../../src/deploy/sync.ts";
import { TransientError, UserError } from "../../src/errors.ts";
import { sha256 } from "../../src/ids.ts";
import { silentLog } from "../../src/log.ts";
import { blobKey, pointerKey, releaseKey } from "../../src/release/layout.ts";
import { S3ObjectStore } from "../../src/services/s3.ts";
import { rejects } from "../rejects.ts";
import { type FaultyProxy, s3Error, startFaultyProxy } from "./faulty-proxy.ts";
import { makeRelease } from "./make-release.ts";

const dir = mkdtempSync(join(tmpdir(), "dagline-faults-"));
const options = { commit: "c".repeat(40), now: new Date("2024-02-29T12:00:00Z"), log: silentLog };
const [first, second] = [makeRelease({ dags: 3 }), makeRelease({ dags: 3, edited: 1 })];
let aws: LocalAws;
let proxy: FaultyProxy;
let store: S3ObjectStore;
let bucketNumber = 0;

test.before(async () => {
  aws = await startAws({ dir });
  proxy = await startFaultyProxy(aws.endpoint);
});
test.before.each(async () => {
  const bucket = `dagline-faults-${bucketNumber++}`;
  await aws.createBuckets(bucket);
  proxy.fault = () => undefined;
  store = new S3ObjectStore({ bucket, prefix: "team/", region: aws.region, endpoint: proxy.endpoint, credentials: aws.credentials });
  await sync(first, store, options);
});
test.after(async () => {
  await proxy?.stop();
  await aws?.stop();
  rmSync(dir, { recursive: true });
});

const deployed = async (): Promise<string | undefined> => (await readPointer(store))?.pointer.release;
const isPointerWrite = (method: string, path: string): boolean => method === "PUT" && path.includes(pointerKey);

for (const count of [3, 300]) {
  test(`on the wire, with ${count} scrapes: an unchanged sync is one request, a change four and one for each changed file`, async () => {
    await sync(makeRelease({ dags: count }), store, options);
    proxy.requests.length = 0;
    await sync(makeRelease({ dags: count }), store, options);
    assert.is(proxy.requests.length, 1);
    proxy.requests.length = 0;
    await sync(makeRelease({ dags: count, edited: 2 }), store, options);
    assert.is(proxy.requests.length, 4 + 2);
  });
}

test("a sync whose last answer is lost knows that the pointer moved by its own hand", async () => {
  let lost = 0;
  proxy.fault = (method, path) => (isPointerWrite(method, path) && lost++ === 0 ? "lose the answer" : undefined);
  assert.is((await sync(second, store, options)).changed, true);
  assert.is(lost, 2, "the SDK tried again");
  assert.is(await deployed(), second.id);
});

test("two syncs of the same release both succeed", async () => {
  const results = await Promise.all([sync(second, store, options), sync(second, store, options)]);
  assert.equal(
    results.map(({ release }) => release),
    [second.id, second.id],
  );
  assert.equal(await findDrift(store, undefined, second.id), []);
});

test("a write of the pointer that meets another under way is to be tried again, and changed nothing", async () => {
  proxy.fault = (method, path) => (isPointerWrite(method, path) ? s3Error(409, "ConditionalRequestConflict") : undefined);
  const error = await rejects(sync(second, store, options), /another write of it is under way/);
  assert.instance(error, TransientError);
  assert.is(await deployed(), first.id);
});

test("a bucket that answers 503 to one upload leaves the pointer where it was", async () => {
  proxy.fault = (method, path) => (method === "PUT" && path.includes("blobs/") ? s3Error(503, "SlowDown", "Reduce your rate") : undefined);
  const error = await rejects(sync(second, store, options), /Reduce your rate/);
  assert.instance(error, TransientError);
  proxy.fault = () => undefined;
  assert.is(await deployed(), first.id);
});

for (const [what, fault, message, hint] of [
  ["a gateway's page of HTML", { status: 502, body: "<html>bad gateway" }, /could not read current\.json in s3:/, /try again/],
  ["denied access", s3Error(403, "AccessDenied", "Access Denied"), /access denied$/, /s3:GetObject, and s3:ListBucket, on dagline-faults/],
  [
    "a key that may not be used",
    s3Error(403, "AccessDenied", "x is not authorized to perform: kms:Decrypt"),
    /kms:Decrypt/,
    /permission kms:Decrypt/,
  ],
  ["expired credentials", s3Error(400, "ExpiredToken"), /credentials have expired/, /Sign in again/],
  ["a bucket elsewhere", s3Error(301, "PermanentRedirect"), /in another region/, /--region/],
  ["a wrong clock", s3Error(403, "RequestTimeTooSkewed"), /clock/, /Set the clock/],
] as const) {
  test(`${what} is one plain line with what to do`, async () => {
    proxy.fault = () => fault;
    const error = await rejects(sync(second, store, options), message);
    assert.ok(error instanceof UserError || error instanceof TransientError);
    assert.match(error.hint ?? "", hint);
    assert.not.match(error.message, /\n/);
  });
}

test("without credentials, one plain line says how to get some", async () => {
  const before = { ...process.env };
  for (const name of Object.keys(process.env)) if (name.startsWith("AWS_")) delete process.env[name];
  const nowhere = join(dir, "none");
  Object.assign(process.env, { AWS_SHARED_CREDENTIALS_FILE: nowhere, AWS_CONFIG_FILE: nowhere, AWS_EC2_METADATA_DISABLED: "true" });
  try {
    const anonymous = new S3ObjectStore({ bucket: "dagline", region: aws.region, endpoint: proxy.endpoint });
    const error = await rejects(sync(second, anonymous, options), /there are no usable AWS credentials/);
    assert.instance(error, UserError);
    assert.match((error as UserError).hint ?? "", /aws sso login/);
  } finally {
    for (const name of Object.keys(process.env)) if (name.startsWith("AWS_")) delete process.env[name];
    Object.assign(process.env, before);
  }
});

test("a current.json that is none of ours is never overwritten", async () => {
  const foreign = Buffer.from('{"kept":"as it is"}');
  await store.put(pointerKey, foreign);
  const attempts = [
    () => sync(second, store, options),
    () => rollback(store, { now: options.now }),
    () => findDrift(store, undefined, undefined),
  ];
  for (const attempt of attempts) assert.instance(await rejects(attempt(), /current\.json is not a pointer/), UserError);
  assert.equal((await store.get(pointerKey))?.body, foreign);
});

test("a rollback that is run twice does not bring back what was just left", async () => {
  await sync(second, store, options);
  assert.is((await rollback(store, { now: options.now })).release, first.id);
  await rejects(rollback(store, { now: options.now }), /was itself rolled back to/);
  assert.is((await rollback(store, { to: first.id.slice(0, 6), now: options.now })).changed, false);
  assert.is(await deployed(), first.id);
  assert.is((await readPointer(store))?.pointer.commit, options.commit);
});

test("a file with other contents of the same length is found, blocks a rollback, and is repaired", async () => {
  await sync(second, store, options);
  await store.put(blobKey(sha256("DAG 0\n")), Buffer.from("DAG X\n"));
  const error = await rejects(rollback(store, { now: options.now }), /dags\/dag_0\.py has other contents than its name says/);
  assert.match((error as UserError).hint ?? "", /--repair/);
  assert.is(await repair(first, store, silentLog), 1);
  assert.is((await rollback(store, { now: options.now })).release, first.id);
  assert.equal(await findDrift(store, undefined, first.id), []);
});

test("an altered manifest of the deployed release is named by drift, does not block a sync, and is repaired", async () => {
  await store.put(releaseKey(first.id), Buffer.from("{}"));
  const [drift] = await findDrift(store, undefined, first.id);
  assert.match(drift?.message ?? "", /releases\/[0-9a-f]+\.json was altered/);
  assert.is((await sync(second, store, options)).uploaded, 3);
  assert.is(await repair(first, store, silentLog), 1);
  assert.is((await rollback(store, { now: options.now })).release, first.id);
});

test("a release is found by the first six digits of its id, and by no other object's name", async () => {
  await store.put("releases/abcdef-notes.txt", Buffer.from(""));
  await rejects(rollback(store, { to: "abcdef", now: options.now }), /no release .* begins with abcdef/);
  await rejects(rollback(store, { to: first.id.slice(0, 5), now: options.now }), /not a release id/);
  const twin = `${first.id.slice(0, 6)}${"0".repeat(58)}`;
  await store.put(`releases/${twin}.json`, Buffer.from("{}"));
  await rejects(rollback(store, { to: first.id.slice(0, 6), now: options.now }), /2 releases begin with/);
});

test.run();
