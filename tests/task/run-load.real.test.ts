import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import type pg from "pg";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type LocalAws, startAws } from "../../local/aws.ts";
import { type LocalPostgres, startPostgres } from "../../local/postgres.ts";
import { sha256 } from "../../src/ids.ts";
import { S3ObjectStore } from "../../src/services/s3.ts";
import { duckdbText } from "../../src/tables/csv-dialect.ts";
import type { DatabaseAddress } from "../../src/task/document.ts";
import type { LoadSpec } from "../../src/task/spec.ts";
import type { StagedReference } from "../../src/task/staged-file.ts";
import { type Ending, functionSpec, makeReleaseFolder, startTask } from "./runner.ts";

const dir = mkdtempSync(join(tmpdir(), "dagline-load-test-"));
const credentialsFile = join(dir, "credentials");
let aws: LocalAws;
let staging: S3ObjectStore;
let postgres: LocalPostgres;
let admin: pg.Client;
let database: DatabaseAddress;

test.before(async () => {
  aws = await startAws({ dir });
  await aws.createBuckets("staging");
  const { region, endpoint, credentials } = aws;
  staging = new S3ObjectStore({ bucket: "staging", region, endpoint, credentials });
  writeFileSync(
    credentialsFile,
    `[default]\naws_access_key_id=${credentials.accessKeyId}\naws_secret_access_key=${credentials.secretAccessKey}\n`,
  );
  postgres = await startPostgres({ dir, settings: { fsync: "off" } });
  admin = await postgres.connect("data_pipeline_db");
  const password = await postgres.setRandomPassword("dagline_loader");
  database = { host: "127.0.0.1", port: postgres.port, dbname: "data_pipeline_db", user: "dagline_loader", password };
});
test.after(async () => {
  await admin?.end();
  await postgres?.stop();
  await aws?.stop();
  rmSync(dir, { recursive: true, force: true });
});
test.after.each(async () => {
  await admin.query("DROP TABLE IF EXISTS trips; DROP SCHEMA IF EXISTS dagline CASCADE");
});

const loadSpec: LoadSpec = {
  kind: "load",
  table: "trips",
  mode: { kind: "append", slice: null },
  params: {},
  max_bad_rows: 0,
  fields: [
    { name: "id", type: { name: "INTEGER" } },
    { name: "name", type: { name: "TEXT" } },
  ],
  dependencies: ["extract_a"],
  confirms: [],
};

function load(upstream: readonly StagedReference[], document: object = {}, spec: Partial<LoadSpec> = {}): Promise<Ending> {
  const folder = makeReleaseFolder(dir, { load_x: { ...loadSpec, ...spec } }, "");
  return startTask(dir, aws, credentialsFile, { release_dir: folder, task: "load_x", upstream, database, ...document }).ended;
}

test("the rows of all dependencies arrive in one load, whatever the order of each file's columns", async () => {
  const upstream = [await stage("extract_a", "id,name\n1,a\n2,b\n"), await stage("extract_b", "name,id\nc,3\n")];
  const first = await load(upstream);
  assert.is(first.code, 0, first.log);
  assert.equal(await rows("SELECT id, name FROM trips ORDER BY id"), [
    [1, "a"],
    [2, "b"],
    [3, "c"],
  ]);
  assert.equal(await rows("SELECT jsonb_array_length(files), rows_written::int FROM dagline.ledger"), [[2, 3]]);
  const again = (await load(upstream, { try_number: 2 })).result?.load as Record<string, unknown>;
  assert.equal([again.unchanged, again.rows_read], [true, 3]);
});

test("a load reads CSV, parquet and newline-delimited JSON from the bucket, and leaves no file behind", async () => {
  const path = join(dir, "rows.parquet");
  const duckdb = await (await DuckDBInstance.create(":memory:", { threads: "1" })).connect();
  await duckdb.run(`COPY (SELECT i AS id, 'p' || i AS name FROM range(10, 5010) t(i)) TO ${duckdbText(path)} (FORMAT parquet)`);
  duckdb.closeSync();
  const upstream = [
    await stage("extract_a", "id,name\n1,a\n", "csv", 1),
    await stage("extract_b", readFileSync(path), "parquet", 5000),
    await stage("extract_c", '{"name":"c","id":3}\n', "jsonl", 1),
  ];
  const { code, log } = await load(upstream);
  assert.is(code, 0, log);
  assert.equal(await rows("SELECT count(*)::int, min(name), max(id) FROM trips"), [[5002, "a", 5009]]);
  assert.equal(
    readdirSync(dir).filter((name) => name.startsWith("dagline-task-")),
    [],
  );
});

test("a JSON file that was altered is not loaded, and one with other rows than were staged neither", async () => {
  const good = await stage("extract_a", '{"id":1}\n', "ndjson", 2);
  const altered = { ...good, sha256: sha256("another") };
  const first = await load([altered]);
  assert.is(first.code, 1, first.log);
  assert.match(String(first.result?.message), /ndjson is not the one that extract_a wrote/);
  const second = await load([good]);
  assert.is(second.code, 1, second.log);
  assert.match(String(second.result?.message), "read 1 rows, and 2 were counted when they were staged");
  assert.equal(await rows("SELECT count(*)::int FROM trips"), [[0]]);
});

test("a staged file that was altered or is gone fails the load with its key; nothing of the others is loaded", async () => {
  const good = await stage("extract_a", "id,name\n1,a\n");
  const altered = { ...(await stage("extract_b", "id,name\n2,b\n")), sha256: sha256("another") };
  const gone = { ...altered, key: altered.key.replace("20230129", "20230130") };
  for (const [reference, what] of [
    [altered, /^staging\/demo\/extract_b\/\S+_20230129T090000Z\.csv is not the file that the task before wrote/],
    [gone, /^the staged file staging\/demo\/extract_b\/\S+_20230130T090000Z\.csv is gone$/],
  ] as const) {
    const { code, result, log } = await load([good, reference]);
    assert.is(code, 1, log);
    assert.match(String(result?.message), what);
    assert.match(String(result?.hint), /Clear the task/);
  }
  assert.equal(await rows("SELECT count(*)::int FROM trips"), [[0]]);
});

test("a load without a file fails with the task to clear, and what is in the table stays", async () => {
  const reference = await stage("extract_a", "id,name\n1,a\n");
  const spec: Partial<LoadSpec> = { mode: { kind: "replace" }, confirms: ["transform_a"] };
  assert.is((await load([reference], {}, { mode: { kind: "replace" } })).code, 0);
  for (const [upstream, missing] of [
    [[], "extract_a, transform_a"],
    [[reference], "transform_a"],
  ] as const) {
    const { code, result } = await load(upstream, {}, spec);
    assert.is(code, 1);
    assert.is(result?.message, `${missing} left no reference to a staged file, so load_x has nothing to read`);
  }
  assert.equal(await rows("SELECT id FROM trips"), [[1]]);
});

test("of an hour that comes twice in autumn, neither of the two runs deletes the other's rows", async () => {
  const spec = { ...loadSpec, mode: { kind: "append", slice: "{date}T{hour}" } } as const;
  const release_dir = makeReleaseFolder(dir, { load_x: spec }, "", { timezone: "America/New_York" });
  const run = async (start: string, end: string, text: string): Promise<Ending> => {
    const document = { release_dir, task: "load_x", upstream: [await stage("extract_a", text)], database };
    return startTask(dir, aws, credentialsFile, { ...document, run_id: start, data_interval: { start, end } }).ended;
  };
  const first = await run("2023-11-05T05:00:00Z", "2023-11-05T06:00:00Z", "id,name\n1,first\n");
  assert.is(first.code, 0, first.log);
  await run("2023-11-05T06:00:00Z", "2023-11-05T07:00:00Z", "id,name\n2,second\n");
  await run("2023-11-05T06:00:00Z", "2023-11-05T07:00:00Z", "id,name\n2,again\n");
  assert.equal(await rows("SELECT name FROM trips ORDER BY id"), [["first"], ["again"]]);
  assert.equal(await rows("SELECT slice FROM dagline.ledger ORDER BY slice"), [["2023-11-05T01"], ["2023-11-05T01B"]]);
});

const comparing = `import { writeFileSync } from "node:fs";
const days = { "2023-01-01": "x,a", "2023-01-02": "1,a\\n2,b", "2023-01-03": "2,b\\n1,a", "2023-01-04": "2,b" };
export async function extract({ output, interval }) { writeFileSync(output, "id,name\\n" + days[interval.start.toISOString().slice(0, 10)]); }`;

test("a comparison skips a task whose rows its load has in the table, also in another order, and no other", async () => {
  const tasks = { extract_a: functionSpec({ compare_with: ["load_x"] }), load_x: { ...loadSpec, confirms: ["extract_a"] } };
  const folder = makeReleaseFolder(dir, tasks, comparing);
  const run = (task: string, day: string, document: object = {}): Promise<Ending> => {
    const data_interval = { start: `${day}T00:00:00Z`, end: `${day}T23:00:00Z` };
    return startTask(dir, aws, credentialsFile, { release_dir: folder, task, run_id: day, data_interval, ...document }).ended;
  };
  const extract = async (day: string): Promise<StagedReference> => {
    const { result, log } = await run("extract_a", day);
    assert.ok(result?.output, log);
    return result.output as StagedReference;
  };
  const compare = (day: string, output: StagedReference, address = database) =>
    run("extract_a", day, { compare: output, database: address });

  const bad = await extract("2023-01-01");
  assert.is((await run("load_x", "2023-01-01", { upstream: [bad], confirms: [bad], database })).code, 1);
  assert.equal((await compare("2023-01-01", bad)).result, { state: "done", output: bad });
  const good = await extract("2023-01-02");
  assert.is((await run("load_x", "2023-01-02", { upstream: [good], confirms: [good], database })).code, 0);

  const same = await extract("2023-01-03");
  const skipped = await compare("2023-01-03", same);
  assert.is(skipped.code, 99, skipped.log);
  assert.is(skipped.result?.reason, "the same 2 rows were loaded before, and are in the table");
  const unreachable = await compare("2023-01-03", same, { ...database, port: 9 });
  assert.equal(unreachable.result, { state: "done", output: same });
  assert.match(unreachable.log, /^WARNING not compared .*: PostgreSQL at 127\.0\.0\.1:9 cannot be reached/m);
  const fewer = await extract("2023-01-04");
  const other = await compare("2023-01-04", fewer);
  assert.is(other.code, 0);
  assert.match(other.log, /load_x is needed, since the last load took other rows/);
  writeFileSync(join(folder, "functions", "demo.mjs"), `${comparing}\n// changed`);
  assert.is((await compare("2023-01-03", same)).code, 0);
});

test("a replace by an older run is skipped, and says how a person overwrites the newer one", async () => {
  const spec = { mode: { kind: "replace" } } as const;
  const run = async (day: string, text: string, params = {}): Promise<Ending> => {
    const upstream = [await stage("extract_a", text)];
    return load(upstream, { run_id: day, data_interval: { start: `${day}T00:00:00Z`, end: `${day}T23:00:00Z` }, params }, spec);
  };
  await run("2023-01-02", "id,name\n1,NEW\n");
  const older = await run("2023-01-01", "id,name\n1,OLD\n");
  assert.is(older.code, 99, older.log);
  assert.match(
    String(older.result?.reason),
    /trips holds the rows of the newer run demo 2023-01-02, which stay; .* param overwrite_newer: true/,
  );
  assert.is((await run("2023-01-01", "id,name\n1,OLD\n", { overwrite_newer: true })).code, 0);
  assert.equal(await rows("SELECT name FROM trips"), [["OLD"]]);
});

test("PostgreSQL that is down is one plain line, can be tried again, and nothing is written", async () => {
  const reference = await stage("extract_a", "id,name\n1,a\n");
  const { code, result, log } = await load([reference], { database: { ...database, port: 9 }, confirms: [reference] });
  assert.is(code, 3, log);
  assert.match(String(result?.message), /^PostgreSQL at 127\.0\.0\.1:9 cannot be reached[^\n]+$/);
  assert.not.match(log, database.password);
  assert.equal(
    readdirSync(dir).filter((name) => name.startsWith("dagline-task-")),
    [],
  );
});

/** A file as a task above leaves it. */
async function stage(task: string, content: string | Buffer, extension = "csv", rows: number | null = null): Promise<StagedReference> {
  const key = `staging/demo/${task}/0123456789abcdef/demo_${task}_20230129T090000Z.${extension}`;
  await staging.put(key, Buffer.from(content as string));
  return { task, key, sha256: sha256(content), size: content.length, rows, rows_digest: null };
}

async function rows(sql: string): Promise<unknown[][]> {
  return (await admin.query<unknown[]>({ text: sql, rowMode: "array" })).rows;
}

test.run();
