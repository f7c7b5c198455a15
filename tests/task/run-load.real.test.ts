import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type LocalAws, startAws } from "../../local/aws.ts";
import { type LocalPostgres, startPostgres } from "../../local/postgres.ts";
import { sha256 } from "../../src/ids.ts";
import { S3ObjectStore } from "../../src/services/s3.ts";
import type { DatabaseAddress } from "../../src/task/document.ts";
import type { LoadSpec } from "../../src/task/spec.ts";
import { confirmationKey, type StagedReference } from "../../src/task/staged-file.ts";
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

test("what a load took is confirmed after it, so that the same rows are skipped next time; a load that fails confirms nothing", async () => {
  const spec = functionSpec({ compare_with: ["load_x"] });
  const write = (text: string): string =>
    `import { writeFileSync } from "node:fs"; export async function extract({ output }) { writeFileSync(output, ${JSON.stringify(text)}); }`;
  const extract = (text: string, run_id: string): Promise<Ending> => {
    const folder = makeReleaseFolder(dir, { extract_a: spec }, write(text));
    return startTask(dir, aws, credentialsFile, { release_dir: folder, task: "extract_a", run_id }).ended;
  };
  const outputOf = ({ result, log }: Ending): StagedReference => {
    assert.ok(result?.output, log);
    return result.output as StagedReference;
  };
  const bad = outputOf(await extract("id,name\nx,a\n", "bad"));
  const failed = await load([bad], { run_id: "bad", confirms: [bad] }, { confirms: ["extract_a"] });
  assert.is(failed.code, 1, failed.log);
  assert.is(await staging.head(confirmationKey("demo", "extract_a", "load_x")), undefined);

  const good = outputOf(await extract("id,name\n1,a\n2,b\n", "one"));
  assert.is((await load([good], { run_id: "one", confirms: [good] }, { confirms: ["extract_a"] })).code, 0);
  assert.is((await staging.head(confirmationKey("demo", "extract_a", "load_x")))?.metadata["rows-digest"], good.rows_digest);
  const same = await extract("id,name\n2,b\n1,a\n", "two");
  assert.is(same.code, 99, same.log);
  assert.is(same.result?.reason, "the same 2 rows were loaded before");
  assert.is((await extract("id,name\n2,b\n", "three")).code, 0);
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
async function stage(task: string, text: string): Promise<StagedReference> {
  const key = `staging/demo/${task}/0123456789abcdef/demo_${task}_20230129T090000Z.csv`;
  await staging.put(key, Buffer.from(text));
  return { task, key, sha256: sha256(text), size: text.length, rows: null, rows_digest: null };
}

async function rows(sql: string): Promise<unknown[][]> {
  return (await admin.query<unknown[]>({ text: sql, rowMode: "array" })).rows;
}

test.run();
