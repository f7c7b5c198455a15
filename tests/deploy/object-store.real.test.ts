import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { DeleteObjectCommand, ListMultipartUploadsCommand, S3Client } from "@aws-sdk/client-s3";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type LocalAws, startAws } from "../../local/aws.ts";
import { TransientError, UserError } from "../../src/errors.ts";
import { S3ObjectStore } from "../../src/services/s3.ts";
import { rejects } from "../rejects.ts";
import { until } from "../until.ts";
import { type FaultyProxy, s3Error, startFaultyProxy } from "./faulty-proxy.ts";

const MIB = 1024 * 1024;
const dir = mkdtempSync(join(tmpdir(), "dagline-store-"));
const bucket = "dagline-staging";
let aws: LocalAws;
let proxy: FaultyProxy;
let store: S3ObjectStore;

test.before(async () => {
  aws = await startAws({ dir });
  proxy = await startFaultyProxy(aws.endpoint);
  await aws.createBuckets(bucket);
  store = new S3ObjectStore({ bucket, prefix: "team/", region: aws.region, endpoint: proxy.endpoint, credentials: aws.credentials });
});
test.before.each(() => {
  proxy.fault = () => undefined;
});
test.after(async () => {
  await proxy?.stop();
  await aws?.stop();
  rmSync(dir, { recursive: true });
});

test("a stream of any length comes back as it was, with its metadata", async () => {
  for (const size of [0, 5, 20 * MIB + 7]) {
    const content = randomBytes(size);
    await store.upload("a/b c+é.csv", Readable.from(inPieces(content)), { metadata: { rows: "5" } });
    const found = await store.download("a/b c+é.csv");
    assert.is(found?.size, size);
    assert.equal(found?.metadata, { rows: "5" });
    assert.is(digest(await buffer(found?.body ?? Readable.from([]))), digest(content));
  }
});

test("an upload that is aborted while its source stalls leaves neither object nor parts", async () => {
  const abort = new AbortController();
  const uploading = store.upload("stalled", stalling(), { signal: abort.signal });
  await until("a part to be sent", () => proxy.requests.some((request) => request.includes("partNumber=1")));
  abort.abort(new Error("the task was stopped"));
  await rejects(uploading, /^the task was stopped$/);
  assert.is(await store.head("stalled"), undefined);
  assert.is(await openUploads(), 0);
});

test("an upload whose source fails leaves neither object nor parts, and says why it failed", async () => {
  async function* source(): AsyncGenerator<Buffer> {
    yield randomBytes(9 * MIB);
    throw new Error("the disk is broken");
  }
  await rejects(store.upload("failing", Readable.from(source()), {}), /^the disk is broken$/);
  assert.is(await store.head("failing"), undefined);
  assert.is(await openUploads(), 0);
});

test("an upload with a part that can't be written leaves no parts", async () => {
  proxy.fault = (_, path) => (path.includes("partNumber=2") ? { status: 500 } : undefined);
  assert.instance(await rejects(store.upload("broken", Readable.from(inPieces(randomBytes(20 * MIB))), {})), TransientError);
  assert.is(await openUploads(), 0);
});

test("a download goes on where its connection broke, and brings the same bytes", async () => {
  const content = randomBytes(3 * MIB);
  await store.put("cut", content);
  const before = proxy.requests.length;
  let cuts = 3;
  proxy.fault = () => (cuts-- > 0 ? "cut the answer" : undefined);
  assert.is(digest(await buffer((await hasty().download("team/cut"))?.body ?? Readable.from([]))), digest(content));
  assert.is(proxy.requests.length - before, 4);
});

test("a download whose reader waits longer than the socket may be silent goes on when it is read again", async () => {
  const content = randomBytes(16 * MIB);
  await store.upload("slow", Readable.from(inPieces(content)));
  const found = await hasty().download("team/slow");
  const chunks = found?.body[Symbol.asyncIterator]();
  const first = (await chunks?.next())?.value as Buffer;
  const hungUp = proxy.hungUp;
  await until("the silent connection to be closed", () => proxy.hungUp > hungUp);
  const pieces = [first];
  for (let next = await chunks?.next(); next?.done === false; next = await chunks?.next()) pieces.push(next.value as Buffer);
  assert.is(digest(Buffer.concat(pieces)), digest(content));
});

test("a download whose object is replaced or deleted on the way fails, and brings no mixture", async () => {
  for (const [change, said] of [
    [() => store.put("changed", randomBytes(3 * MIB)), /changed in .* was replaced while it was read/],
    [() => client().send(new DeleteObjectCommand({ Bucket: bucket, Key: "team/changed" })), /changed in .* was deleted while it was read/],
  ] as const) {
    await store.put("changed", randomBytes(3 * MIB));
    let cuts = 1;
    proxy.fault = () => (cuts-- > 0 ? "cut the answer" : undefined);
    const found = await hasty().download("team/changed");
    proxy.fault = () => undefined;
    await change();
    assert.instance(await rejects(buffer(found?.body ?? Readable.from([])), said), UserError);
  }
});

test("a download that breaks off again and again without a byte is to be tried again later", async () => {
  await store.put("cut", randomBytes(3 * MIB));
  let first = true;
  proxy.fault = () => {
    const fault = first ? "cut the answer" : s3Error(503, "SlowDown", "Please reduce your request rate.");
    first = false;
    return fault;
  };
  const found = await hasty().download("team/cut");
  const error = await rejects(
    buffer(found?.body ?? Readable.from([])),
    /could not read team\/cut in s3:\/\/dagline-staging\/: Please reduce/,
  );
  assert.instance(error, TransientError);
});

test("a small object that arrives cut is to be tried again", async () => {
  await store.put("cut", randomBytes(MIB));
  proxy.fault = () => "cut the answer";
  assert.instance(await rejects(store.get("cut"), /could not read cut in s3:\/\/dagline-staging\/team\//), TransientError);
});

test("a prefix is a folder, whether it is written with its slash or not", async () => {
  await store.put("same", Buffer.from("a"));
  const { endpoint, region, credentials } = aws;
  const other = new S3ObjectStore({ bucket, prefix: "team", region, endpoint, credentials });
  assert.ok(await other.head("same"));
  assert.is(other.address, store.address);
});

test("what is not there is undefined", async () => {
  assert.is(await store.get("none"), undefined);
  assert.is(await store.head("none"), undefined);
  assert.is(await store.download("none"), undefined);
});

test("a write on a condition that does not hold changes nothing", async () => {
  assert.is(await store.put("once", Buffer.from("a"), { ifMatch: '"none"' }), "conflict");
  const written = await store.put("once", Buffer.from("a"), { ifNoneMatch: "*" });
  assert.is(await store.put("once", Buffer.from("b"), { ifNoneMatch: "*" }), "conflict");
  assert.is(await store.put("once", Buffer.from("b"), { ifMatch: '"0000"' }), "conflict");
  assert.equal((await store.get("once"))?.body, Buffer.from("a"));
  assert.ok(written !== "conflict" && (await store.put("once", Buffer.from("b"), { ifMatch: written.etag })) !== "conflict");
  assert.is((await store.head("once"))?.sha256, digest(Buffer.from("b")));
});

/** A bucket's client that loses its patience soon. */
function hasty(): S3ObjectStore {
  const { region, credentials } = aws;
  return new S3ObjectStore({ bucket, region, endpoint: proxy.endpoint, credentials, patience: { silenceMs: 2000, resumeMs: 1 } });
}

function client(): S3Client {
  const { endpoint, region, credentials } = aws;
  return new S3Client({ endpoint, region, credentials, forcePathStyle: true });
}

function* inPieces(content: Buffer): Generator<Buffer> {
  for (let at = 0; at < content.length; at += 65_536) yield content.subarray(at, at + 65_536);
}

function stalling(): Readable {
  let sent = false;
  return new Readable({
    read() {
      if (!sent) this.push(randomBytes(9 * MIB));
      sent = true;
    },
  });
}

function digest(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

async function openUploads(): Promise<number> {
  return (await client().send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads?.length ?? 0;
}

test.run();
