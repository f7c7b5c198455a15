import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import pg from "pg";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type LocalAws, startAws } from "../../local/aws.ts";
import { installAwsS3 } from "../../local/aws-s3/install.ts";
import { type LocalRedshift, startRedshift } from "../../local/redshift/start.ts";
import { openTestDatabase, type TestDatabase } from "../../local/test-database.ts";
import { rejects } from "../rejects.ts";
import { until } from "../until.ts";

const iamRole = "arn:aws:iam::123456789012:role/copy";
const dir = mkdtempSync(join(tmpdir(), "dagline-redshift-"));
let aws: LocalAws;
let s3: S3Client;
let rds: TestDatabase;
let below: TestDatabase;
let redshift: LocalRedshift;
let serializable: LocalRedshift;
const clients: pg.Client[] = [];

test.before(async () => {
  [aws, rds, below] = await Promise.all([startAws({ dir }), openTestDatabase(), openTestDatabase()]);
  s3 = new S3Client({ ...aws, forcePathStyle: true });
  await aws.createBuckets("exports");
  const admin = await open({ host: rds.address.host, port: rds.address.port, user: "postgres", database: rds.address.dbname });
  await installAwsS3(admin, { ...aws, partBytes: 1_000_000 });
  await admin.query(
    "GRANT USAGE ON SCHEMA aws_s3, aws_commons TO dagline_loader; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA aws_s3, aws_commons TO dagline_loader",
  );
  const options = {
    postgres: { socketDir: below.address.host, port: below.address.port },
    database: below.address.dbname,
    s3: aws,
    iamRole,
  };
  redshift = await startRedshift(options);
  serializable = await startRedshift({ ...options, isolation: "SERIALIZABLE" });
});

test.after(async () => {
  await Promise.all(clients.map((client) => client.end()));
  await redshift.close();
  await serializable.close();
  await rds.close();
  await below.close();
  await aws.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function open(config: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client(config);
  client.on("error", () => {});
  await client.connect();
  clients.push(client);
  return client;
}

const openWarehouse = ({ host, port, user, password, database }: LocalRedshift = redshift): Promise<pg.Client> =>
  open({ host, port, user, password, database });

async function count(client: pg.Client, table: string): Promise<number> {
  const { rows } = await client.query<{ n: string }>(`SELECT count(*) AS n FROM ${table}`);
  return Number(rows[0]?.n);
}

const put = (Key: string, Body: string): Promise<unknown> => s3.send(new PutObjectCommand({ Bucket: "exports", Key, Body }));
const manifest = (...entries: { key: string; mandatory?: boolean }[]): string =>
  JSON.stringify({ entries: entries.map(({ key, ...rest }) => ({ url: `s3://exports/${key}`, ...rest })) });
const copy = (table: string, key: string): string =>
  `COPY ${table} FROM 's3://exports/${key}' IAM_ROLE '${iamRole}' MANIFEST CSV NULL AS '\\N' TIMEFORMAT 'auto' DATEFORMAT 'auto' ROUNDEC MAXERROR 0`;

async function makeTable(client: pg.Client, columns = "id BIGINT"): Promise<string> {
  const name = `t_${randomBytes(4).toString("hex")}`;
  await client.query(`CREATE TABLE ${name} (${columns}) DISTSTYLE AUTO SORTKEY AUTO`);
  return name;
}

test("an export goes to S3 in parts, and its manifest loads the same rows", async () => {
  const source = await open({ host: rds.address.host, port: rds.address.port, user: rds.address.user, database: rds.address.dbname });
  await source.query("CREATE TABLE source AS SELECT i AS id, repeat('x', 50) AS word FROM generate_series(1, 50000) AS i");
  const text = `SELECT * FROM aws_s3.query_export_to_s3($1, aws_commons.create_s3_uri('exports', 'a/data', '${aws.region}'), options := 'format csv, null ''\\N''')`;
  const { rows } = await source.query<Record<string, string>>(text, ["SELECT id, word FROM source ORDER BY id"]);
  assert.equal(rows, [{ rows_uploaded: "50000", files_uploaded: "3", bytes_uploaded: "2838894" }]);
  const listed = await s3.send(new ListObjectsV2Command({ Bucket: "exports", Prefix: "a/" }));
  assert.equal(
    listed.Contents?.map(({ Key }) => Key),
    ["a/data", "a/data_part2", "a/data_part3"],
  );
  await put(
    "a/manifest",
    manifest({ key: "a/data", mandatory: true }, { key: "a/data_part2", mandatory: true }, { key: "a/data_part3", mandatory: true }),
  );
  const client = await openWarehouse();
  const table = await makeTable(client, "id BIGINT, word VARCHAR(50)");
  await client.query(copy(table, "a/manifest"));
  assert.equal((await client.query("SELECT pg_last_copy_count() AS n")).rows, [{ n: "50000" }]);
  assert.equal((await client.query(`SELECT count(*) AS n, sum(id) AS s FROM ${table}`)).rows, [{ n: "50000", s: "1250025000" }]);
});

test("an export to another region, and one of a table that the caller may not read, are refused", async () => {
  const source = await open({ host: rds.address.host, port: rds.address.port, user: rds.address.user, database: rds.address.dbname });
  const exported = (query: string, region: string): Promise<unknown> =>
    source.query("SELECT * FROM aws_s3.query_export_to_s3($1, 'exports', 'b/data', $2)", [query, region]);
  assert.match((await rejects(exported("SELECT 1", "us-east-1"))).message, "could not upload to Amazon S3");
  assert.match((await rejects(exported("SELECT * FROM pg_authid", aws.region))).message, "permission denied");
});

test("a manifest loads a file twice that it lists twice, skips a missing one and fails for a mandatory one", async () => {
  const client = await openWarehouse();
  const table = await makeTable(client);
  await put("m/one", "1\n");
  await put("m/twice", manifest({ key: "m/one" }, { key: "m/one" }, { key: "m/none" }));
  await client.query(copy(table, "m/twice"));
  assert.is(await count(client, table), 2);
  await put("m/mandatory", manifest({ key: "m/one" }, { key: "m/none", mandatory: true }));
  assert.match((await rejects(client.query(copy(table, "m/mandatory")))).message, "mandatory url");
  await put("m/empty", manifest());
  assert.match((await rejects(client.query(copy(table, "m/empty")))).message, "does not exist");
});

test("a bad row fails the COPY and is still told after the rollback", async () => {
  const client = await openWarehouse();
  const table = await makeTable(client, "id BIGINT, word VARCHAR(3)");
  await put("e/data", "1,abc\n2,éé\n");
  await put("e/manifest", manifest({ key: "e/data" }));
  await client.query("BEGIN");
  assert.match((await rejects(client.query(copy(table, "e/manifest")))).message, "sys_load_error_detail");
  assert.match((await rejects(client.query("SELECT 1"))).message, "current transaction is aborted");
  await client.query("ROLLBACK");
  const { rows } = await client.query(`SELECT line_number FROM sys_load_error_detail WHERE table_name = '${table}'`);
  assert.equal(rows, [{ line_number: "2" }]);
  assert.is(await count(client, table), 0);
});

/** Two handlers that look whether a load is there and insert it when it is not; both are in their transactions at once. */
async function loadTwice(warehouse: LocalRedshift, lockFirst: boolean): Promise<{ rows: number; errors: string[] }> {
  const [one, two, other] = [await openWarehouse(warehouse), await openWarehouse(warehouse), await openWarehouse()];
  const [ledger, lock] = [await makeTable(other), await makeTable(other)];
  const begin = async (client: pg.Client): Promise<number> => {
    await client.query("BEGIN");
    if (lockFirst) await client.query(`LOCK ${lock}`);
    return await count(client, ledger);
  };
  const end = async (client: pg.Client, seen: number): Promise<void> => {
    if (seen === 0) await client.query(`INSERT INTO ${ledger} VALUES ($1)`, [7]);
    await client.query("COMMIT");
  };
  const seenByOne = await begin(one);
  const second = begin(two);
  if (lockFirst) await until("the second handler to wait", async () => (await count(other, "pg_locks WHERE NOT granted")) > 0);
  else await second;
  const both = await Promise.allSettled([end(one, seenByOne), second.then((seen) => end(two, seen))]);
  const errors = both.flatMap((result) => (result.status === "rejected" ? [(result.reason as Error).message] : []));
  return { rows: await count(other, ledger), errors };
}

test("without a LOCK, looking first and then inserting doubles a load under SNAPSHOT", async () => {
  assert.equal(await loadTwice(redshift, false), { rows: 2, errors: [] });
});

test("without a LOCK, one of two such handlers gets 1023 under SERIALIZABLE", async () => {
  assert.equal(await loadTwice(serializable, false), { rows: 1, errors: ["1023"] });
});

test("with the LOCK first, the second handler sees what the first one committed", async () => {
  assert.equal(await loadTwice(redshift, true), { rows: 1, errors: [] });
});

test("keys are not enforced, NOT NULL is, and TEXT and NUMERIC have Redshift's sizes", async () => {
  const client = await openWarehouse();
  const table = await makeTable(client, "id BIGINT PRIMARY KEY, word TEXT, amount NUMERIC");
  await client.query(`INSERT INTO ${table} VALUES (1, 'a', 1.4)`);
  await client.query(`INSERT INTO ${table} VALUES (1, 'a', 1.4)`);
  assert.equal((await client.query(`SELECT DISTINCT amount FROM ${table}`)).rows, [{ amount: "1" }]);
  assert.match((await rejects(client.query(`INSERT INTO ${table} VALUES (NULL, 'a', 1)`))).message, "null value");
  assert.match((await rejects(client.query(`INSERT INTO ${table} VALUES (1, repeat('a', 257), 1)`))).message, "too long");
});

test("TRUNCATE commits what the transaction has done", async () => {
  const client = await openWarehouse();
  const [kept, emptied] = [await makeTable(client), await makeTable(client)];
  await client.query("BEGIN");
  await client.query(`INSERT INTO ${kept} VALUES (1)`);
  await client.query(`TRUNCATE ${emptied}`);
  await client.query("ROLLBACK");
  assert.is(await count(client, kept), 1);
});

test("what Redshift does not take is refused, with and without parameters", async () => {
  const client = await openWarehouse();
  const table = await makeTable(client);
  for (const sql of [
    `INSERT INTO ${table} VALUES (1) ON CONFLICT DO NOTHING`,
    `INSERT INTO ${table} VALUES (1) RETURNING id`,
    "CREATE TABLE bad (id SERIAL)",
    "CREATE TABLE bad (words TEXT[])",
    "CREATE TABLE bad (word JSONB)",
    `CREATE INDEX ON ${table} (id)`,
    "SELECT * FROM (VALUES (1)) AS v",
    "LISTEN x",
  ])
    await rejects(client.query(sql));
  await rejects(client.query(`INSERT INTO ${table} VALUES ($1) RETURNING id`, [1]));
  assert.equal((await client.query("SELECT $1::integer AS n", [3])).rows, [{ n: 3 }]);
});

test.run();
