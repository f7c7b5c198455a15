import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type LocalAws, startAws } from "../../local/aws.ts";
import { installAwsS3 } from "../../local/aws-s3/install.ts";
import { type LocalRedshift, startRedshift } from "../../local/redshift/start.ts";
import { openTestDatabase, type TestDatabase } from "../../local/test-database.ts";
import { UserError } from "../../src/errors.ts";
import { loadFile } from "../../src/load/load-file.ts";
import { loadIdOf } from "../../src/load/load-id.ts";
import type { LoadRequest } from "../../src/load/request.ts";
import { silentLog } from "../../src/log.ts";
import { connectPostgres } from "../../src/services/postgres.ts";
import { S3ObjectStore } from "../../src/services/s3.ts";
import type { Star } from "../../src/warehouse/model.ts";
import { type Moved, type MoveServices, moveLoad } from "../../src/warehouse/move/move-load.ts";
import { renderDdl } from "../../src/warehouse/render-ddl.ts";
import { aRequest, csvFile, fieldsOf } from "../load/fixture.ts";
import { rejects } from "../rejects.ts";
import { taxiStar } from "./taxi-star.ts";

// A real load into PostgreSQL, the export by the stand-in for aws_s3, and the star in the stand-in for Redshift.
const copyRole = "arn:aws:iam::123456789012:role/copy";
const dir = mkdtempSync(join(tmpdir(), "dagline-move-"));
let aws: LocalAws;
let source: TestDatabase;
let below: TestDatabase;
let redshift: LocalRedshift;
let looker: pg.Client;
let services: MoveServices;
let attempts = 0;

/** With the key of upserts among the columns of the fact. */
const star: Star = {
  ...taxiStar,
  facts: taxiStar.facts.map((fact) => ({ ...fact, columns: [...fact.columns, { name: "pickup_id", type: { name: "INTEGER" } }] })),
};

test.before(async () => {
  [aws, source, below] = await Promise.all([startAws({ dir }), openTestDatabase(), openTestDatabase()]);
  await aws.createBuckets("exports");
  const admin = new pg.Client({ host: source.address.host, port: source.address.port, user: "postgres", database: source.address.dbname });
  await admin.connect();
  await installAwsS3(admin, { ...aws, partBytes: 2_000 });
  await admin.query(
    "GRANT USAGE ON SCHEMA aws_s3, aws_commons TO dagline_loader; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA aws_s3, aws_commons TO dagline_loader",
  );
  await admin.end();
  redshift = await startRedshift({
    postgres: { socketDir: below.address.host, port: below.address.port },
    database: below.address.dbname,
    s3: aws,
    iamRole: copyRole,
  });
  const { host, port, user, password, database } = redshift;
  looker = new pg.Client({ host, port, user, password, database });
  await looker.connect();
  const exports = new S3ObjectStore({ bucket: "exports", ...aws });
  services = {
    star,
    connectSource: () => connectPostgres(source.address),
    connectWarehouse: () => connectPostgres({ host, port, user, password, dbname: database, sslmode: "disable" }),
    putExport: async (key, text) => void (await exports.put(key, Buffer.from(text))),
    newAttempt: () => `${++attempts}`,
    exportsBucket: "exports",
    region: aws.region,
    copyRole,
    timeoutMs: 60_000,
    log: silentLog,
  };
});
test.after(async () => {
  await looker?.end();
  await redshift?.close();
  await Promise.all([source?.close(), below?.close()]);
  await aws?.stop();
  rmSync(dir, { recursive: true, force: true });
});
test.before.each(async () => {
  for (const schema of ["taxi", "dagline"]) await looker.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  for (const { sql } of renderDdl(star)) await looker.query(sql);
  const database = await connectPostgres(source.address);
  await database.query("DROP SCHEMA IF EXISTS dagline CASCADE");
  await database.query("DROP TABLE IF EXISTS trips");
  await database.end();
});

const fields = fieldsOf({
  dropoff_id: "INTEGER",
  picked_up_at: "TIMESTAMP",
  pickup_id: "INTEGER",
  taxi_type: "TEXT",
  total: { name: "NUMERIC", precision: 12, scale: 2 },
});
const head = "dropoff_id,picked_up_at,pickup_id,taxi_type,total\n";
const trip = (id: number, total: number, type = "green"): string => `${id},2024-03-01 10:00:00,${id},${type},${total}.50\n`;

/** Loads rows into PostgreSQL. Returns the load's id. */
async function load(rows: readonly string[], more: Partial<LoadRequest> = {}): Promise<string> {
  const request = { ...aRequest, fields, files: [csvFile(head + rows.join(""))], ...more };
  const database = await connectPostgres(source.address);
  try {
    await loadFile(request, database, silentLog);
  } finally {
    await database.end();
  }
  return loadIdOf(request);
}

const deliver = (loadId: string): Promise<Moved> => moveLoad(loadId, services);

/** The totals of the star's facts, in order. */
async function totals(): Promise<string[]> {
  const { rows } = await looker.query<{ total: string }>("SELECT total FROM taxi.fact_trip ORDER BY total");
  return rows.map(({ total }) => total);
}

test("a load reaches the star once, however often it is announced", async () => {
  const id = await load(Array.from({ length: 200 }, (_, index) => trip(index % 9, index)));
  assert.equal([await deliver(id), await deliver(id), await deliver(id)], ["moved", "there", "there"]);
  assert.is((await totals()).length, 200);
  const { rows } = await looker.query(
    "SELECT COUNT(*) AS n, SUM(f.total) AS sum FROM taxi.trip AS f JOIN taxi.location AS l ON l.location_key = f.pickup_location_key",
  );
  assert.equal(rows, [{ n: "200", sum: "20000.00" }]);
});

test("a load that runs again with fewer rows has those alone, by its old announcement, too", async () => {
  const id = await load([trip(1, 1), trip(2, 2), trip(3, 3)]);
  await deliver(id);
  assert.is(await load([trip(1, 7)]), id);
  assert.equal([await deliver(id), await totals()], ["moved", ["7.50"]]);
});

test("of two replaces that are announced the wrong way round, the later one stays", async () => {
  const mode = { kind: "replace" } as const;
  const first = await load([trip(1, 1), trip(2, 2)], { mode, runId: "one" });
  const second = await load([trip(3, 3)], { mode, runId: "two" });
  await deliver(second);
  await deliver(first);
  assert.equal(await totals(), ["3.50"]);
});

test("a replace leaves what a newer load has brought already", async () => {
  const replaced = await load([trip(1, 1)], { mode: { kind: "replace" }, runId: "one" });
  const added = await load([trip(2, 2)], { runId: "two" });
  await deliver(added);
  await deliver(replaced);
  assert.equal(await totals(), ["1.50", "2.50"]);
});

test("an upsert rewrites the rows that it changed, in whatever order loads are announced", async () => {
  const mode = { kind: "upsert", key: ["pickup_id"] } as const;
  const first = await load([trip(1, 1), trip(2, 2), trip(3, 3)], { mode, runId: "one" });
  const second = await load([trip(1, 1), trip(2, 9), trip(3, 3)], { mode, runId: "two" });
  await deliver(second);
  assert.equal(await totals(), ["9.50"]);
  await deliver(first);
  assert.equal(await totals(), ["1.50", "3.50", "9.50"]);
});

test("a load whose rows another took over leaves the star with it", async () => {
  const old = await load([trip(1, 1)], { mode: { kind: "append", slice: "old" }, sliceTemplate: "old" });
  await deliver(old);
  const renamed = await load([trip(1, 2)], {
    mode: { kind: "append", slice: "new" },
    sliceTemplate: "new",
    adopts: { tasks: [], slices: ["old"] },
  });
  await deliver(renamed);
  assert.equal(await totals(), ["2.50"]);
  assert.is(await deliver(old), "gone");
});

test("a value that Redshift would bend is refused with its column and row; nothing of it is moved, and the next load goes through", async () => {
  const wrong: [value: string, reason: RegExp][] = [
    ["\\N", /column taxi_type of table trips: "\\\\N" is exactly \\N/],
    ["é".repeat(40_000), /taxi_type .*is longer than the 65535 bytes.*dropoff_id=1/],
  ];
  for (const [value, reason] of wrong) {
    const id = await load([trip(1, 1, value), trip(2, 2)], { runId: value.slice(0, 2) });
    assert.instance(await rejects(deliver(id), reason), UserError);
    assert.equal(await totals(), []);
  }
  await deliver(await load([trip(3, 3)], { runId: "good" }));
  assert.equal(await totals(), ["3.50"]);
});

test("loads that are announced several times, in any order and four at once, are as one announcement each in order", async () => {
  let seed = 20_241_125;
  process.stderr.write(`  seed ${seed}\n`);
  const random = (below: number): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  const ids: string[] = [];
  for (let run = 0; run < 6; run++) ids.push(await load([trip(run, run), trip(run + 1, run + 10)], { runId: `run${run}` }));
  const waiting = ids.flatMap((id) => Array.from({ length: 1 + random(5) }, () => ({ id, at: random(1000) }))).sort((a, b) => a.at - b.at);
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await deliver(next.id);
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
  assert.equal(
    await totals(),
    Array.from({ length: 6 }, (_, run) => [`${run}.50`, `${run + 10}.50`])
      .flat()
      .sort((a, b) => Number(a) - Number(b)),
  );
});

test.run();
