import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type LocalOrigin, probeLiveOrigin, startOrigin } from "../../local/origin.ts";
import { rejects } from "../rejects.ts";

const temp = await mkdtemp(join(tmpdir(), "dagline-origin-"));
const folder = join(temp, "files");
const body = "0123456789".repeat(20_000);
let files: LocalOrigin;
let generated: LocalOrigin;

test.before(async () => {
  await mkdir(folder);
  await writeFile(join(folder, "green_tripdata_2023-01.parquet"), body);
  await writeFile(join(temp, "secret.txt"), "secret");
  files = await startOrigin({ dir: folder });
  generated = await startOrigin({ cache: join(temp, "cache"), rows: 100, now: () => new Date("2023-02-15") });
});

test.after(async () => {
  await files?.stop();
  await generated?.stop();
  await rm(temp, { recursive: true, force: true });
});

const green = "/trip-data/green_tripdata_2023-01.parquet";

test("a file of the folder arrives whole, with its size and an ETag", async () => {
  const response = await fetch(files.url + green);
  assert.is(response.status, 200);
  assert.is(response.headers.get("content-length"), String(body.length));
  assert.is(await response.text(), body);
  const again = await fetch(files.url + green, { headers: { "if-none-match": response.headers.get("etag") ?? "" } });
  assert.is(again.status, 304);
});

test("HEAD says the same as GET without the bytes", async () => {
  const response = await fetch(files.url + green, { method: "HEAD" });
  assert.is(response.headers.get("content-length"), String(body.length));
  assert.is(await response.text(), "");
});

for (const [range, status, contentRange, text] of [
  ["bytes=0-4", 206, "bytes 0-4/200000", "01234"],
  ["bytes=199995-", 206, "bytes 199995-199999/200000", "56789"],
  ["bytes=-3", 206, "bytes 199997-199999/200000", "789"],
  ["bytes=199999-300000", 206, "bytes 199999-199999/200000", "9"],
  ["bytes=200000-", 416, "bytes */200000", ""],
  ["bytes=5-2", 200, null, body],
  ["lines=1-2", 200, null, body],
] as const) {
  test(`the range ${range} is answered with ${status}`, async () => {
    const response = await fetch(files.url + green, { headers: { range } });
    assert.is(response.status, status);
    assert.is(response.headers.get("content-range"), contentRange);
    assert.is(await response.text(), text);
  });
}

test("a download goes on with If-Range only while the file is the same", async () => {
  const stale = await fetch(files.url + green, { headers: { range: "bytes=5-", "if-range": '"other"' } });
  assert.is(stale.status, 200);
  await stale.body?.cancel();
});

test("a month that the folder lacks is a 403, as at the TLC", async () => {
  const response = await fetch(`${files.url}/trip-data/yellow_tripdata_2023-01.parquet`);
  assert.is(response.status, 403);
  assert.ok(files.requests.includes("GET /trip-data/yellow_tripdata_2023-01.parquet 403"));
});

for (const path of [
  "/../secret.txt",
  "/trip-data/../../secret.txt",
  "/trip-data/%2e%2e%2fsecret.txt",
  "/misc/..%5c..%5csecret.txt",
  "//secret.txt",
  "/",
]) {
  test(`no path leads out of the folder: ${path}`, async () => {
    assert.is(await rawStatus(files.url, path), 403);
  });
}

test("without a lookup file in the folder the zones are the project's own, in the TLC's columns", async () => {
  const lines = (await (await fetch(`${files.url}/misc/taxi_zone_lookup.csv`)).text()).trimEnd().split("\n");
  assert.is(lines[0], '"LocationID","Borough","Zone","service_zone"');
  assert.is(lines[1], '1,"EWR","Newark Airport","EWR"');
  assert.is(lines.length, 266);
});

test("a month is made up once, as a parquet file, even when it is asked for twice at once", async () => {
  const [first, second] = await Promise.all([0, 1].map(async () => (await fetch(generated.url + green)).bytes()));
  assert.is(Buffer.from(first?.subarray(0, 4) ?? []).toString(), "PAR1");
  assert.equal(first, second);
  assert.equal(await readdir(join(temp, "cache", "seed-1-rows-100")), ["green_tripdata_2023-01.parquet"]);
});

test("the same seed gives the same bytes, another seed others", async () => {
  const bytes = async (seed: number): Promise<Buffer> => {
    const cache = join(temp, `cache-${seed}`);
    const origin = await startOrigin({ cache, rows: 100, seed });
    await (await fetch(origin.url + green)).bytes();
    await origin.stop();
    return readFile(join(cache, `seed-${seed}-rows-100`, "green_tripdata_2023-01.parquet"));
  };
  const expected = await readFile(join(temp, "cache", "seed-1-rows-100", "green_tripdata_2023-01.parquet"));
  assert.ok(expected.equals(await bytes(1)));
  assert.not(expected.equals(await bytes(2)));
});

test("a month that is not over, and one before the TLC's first, is a 403", async () => {
  for (const path of [
    "/trip-data/green_tripdata_2023-02.parquet",
    "/trip-data/yellow_tripdata_2008-12.parquet",
    "/trip-data/green_tripdata_2023-13.parquet",
  ]) {
    assert.is((await fetch(generated.url + path)).status, 403, path);
  }
});

test("other methods are refused", async () => {
  assert.is((await fetch(files.url + green, { method: "DELETE" })).status, 405);
});

test("a folder that does not exist is said at once", async () => {
  await rejects(startOrigin({ dir: join(temp, "nowhere") }), /the origin's folder does not exist/);
});

test("a taken port is said with what to do", async () => {
  await rejects(startOrigin({ dir: folder, port: Number(new URL(files.url).port) }), /is taken/);
});

test("the probe tells an origin that answers from one that does not", async () => {
  assert.is(await probeLiveOrigin(2000, files.url), true);
  const gone = await startOrigin({ dir: folder });
  await gone.stop();
  assert.is(await probeLiveOrigin(2000, gone.url), false);
});

/** fetch would tidy the path before it is sent. */
function rawStatus(url: string, path: string): Promise<number | undefined> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    request({ hostname, port, path }, (response) => {
      response.resume();
      response.once("end", () => resolve(response.statusCode));
    })
      .once("error", reject)
      .end();
  });
}

test.run();
