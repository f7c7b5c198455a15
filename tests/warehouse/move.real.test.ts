import pg from "pg";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openTestDatabase, type TestDatabase } from "../../local/test-database.ts";
import type { WriteMode } from "../../src/scrape/model.ts";
import { checksumSql } from "../../src/warehouse/checksum.ts";
import { renderDdl } from "../../src/warehouse/render-ddl.ts";
import { renderMove } from "../../src/warehouse/render-move.ts";
import { taxiStar } from "./taxi-star.ts";

// The statements as far as PostgreSQL knows them; it has neither STRTOL nor Redshift's layout of tables.
const prelude = "CREATE FUNCTION strtol(text, int) RETURNS bigint LANGUAGE sql AS $$ SELECT ('x' || lpad($1, 16, '0'))::bit(64)::bigint $$";
const onlyRedshift = / (DISTSTYLE .*|WITH NO SCHEMA BINDING)$/;

let database: TestDatabase;
let client: pg.Client;

test.before(async () => {
  database = await openTestDatabase();
  const { dbname, ...address } = database.address;
  client = new pg.Client({ ...address, database: dbname });
  await client.connect();
  await client.query(prelude);
});
test.after(async () => {
  await client?.end();
  await database?.close();
});
test.before.each(async () => {
  await client.query("DROP SCHEMA IF EXISTS taxi CASCADE; DROP SCHEMA IF EXISTS dagline CASCADE");
  await applyDdl();
  await client.query(
    `INSERT INTO taxi.dim_date SELECT to_char(d, 'YYYYMMDD')::int, d FROM generate_series('2024-01-01'::date, '2024-12-31', '1 day') AS d`,
  );
});

const append: WriteMode = { kind: "append", slice: null };
const zone = (id: number, name: string | null): unknown[] => [id, name];
const trip = (pickup: number | null, total: string, at = "2024-03-01 10:00:00"): unknown[] => [2, at, pickup, "yellow", total];

test("a fact meets its members in each role; null meets the unknown member", async () => {
  await move("taxi_zones", "z1", append, [zone(1, "Astoria"), zone(2, "Harlem")]);
  assert.equal(await move("trips", "t1", append, [trip(1, "10.50"), trip(null, "2.00")]), []);
  const joined = `SELECT f.pickup_date_key, p.zone AS "from", d.zone AS "to", f.total FROM taxi.trip AS f
    JOIN taxi.location AS p ON p.location_key = f.pickup_location_key JOIN taxi.location AS d ON d.location_key = f.dropoff_location_key ORDER BY f.total`;
  assert.equal(await rows(joined), [
    ["20240301", "Unknown", "Harlem", "2.00"],
    ["20240301", "Astoria", "Harlem", "10.50"],
  ]);
});

test("a code without a member makes one, which later becomes real without a change of facts", async () => {
  await move("trips", "t1", append, [trip(7, "1.00")]);
  const before = await rows("SELECT ctid::text, pickup_location_key FROM taxi.fact_trip");
  assert.equal(await rows("SELECT zone, is_inferred FROM taxi.location WHERE location_key = 7"), [[null, true]]);
  await move("taxi_zones", "z1", append, [zone(7, "Bronx Park")]);
  assert.equal(await rows("SELECT zone, is_inferred FROM taxi.location WHERE location_key = 7"), [["Bronx Park", false]]);
  assert.equal(await rows("SELECT ctid::text, pickup_location_key FROM taxi.fact_trip"), before);
});

test("a later load of a dimension overwrites its members", async () => {
  await move("taxi_zones", "z1", append, [zone(1, "Astoria"), zone(2, null)]);
  await move("taxi_zones", "z2", append, [zone(1, null), zone(2, "Harlem")]);
  assert.equal(await rows("SELECT location_id, zone FROM taxi.location WHERE location_key > 0 ORDER BY 1"), [
    [1, null],
    [2, "Harlem"],
  ]);
});

test("append replaces the facts of its load and of those that it took over, upsert those of its key, replace all", async () => {
  await move("trips", "t1", append, [trip(1, "1.00"), trip(1, "2.00")]);
  await move("trips", "t2", append, [trip(1, "3.00")]);
  await move("trips", "t1", append, [trip(1, "4.00")]);
  assert.equal(await totals(), ["3.00", "4.00"]);
  await move("trips", "t3", append, [trip(1, "5.00")], ["t2"]);
  assert.equal(await totals(), ["4.00", "5.00"]);
  await move("trips", "t4", { kind: "upsert", key: ["picked_up_at"] }, [trip(1, "6.00"), trip(1, "7.00", "2024-03-02 00:00:00")]);
  assert.equal(await totals(), ["6.00", "7.00"]);
  await move("trips", "t5", { kind: "replace" }, [trip(1, "8.00")]);
  assert.equal(await totals(), ["8.00"]);
});

test("two rows of one load that describe a member in two ways fail a check", async () => {
  const failed = await move("taxi_zones", "z1", append, [zone(1, "Astoria"), zone(1, "Harlem")]);
  assert.ok(failed.includes("members of location that one load describes in two ways"));
});

test("a day outside the calendar and the code -1 meet the unknown member", async () => {
  assert.equal(await move("trips", "t1", append, [trip(-1, "1.00", "2099-01-01 00:00:00")]), []);
  assert.equal(await rows("SELECT pickup_date_key, pickup_location_key FROM taxi.fact_trip"), [["-1", "-1"]]);
});

test("applying the DDL again changes nothing", async () => {
  await applyDdl();
  assert.equal(await rows("SELECT location_key, zone FROM taxi.location"), [["-1", "Unknown"]]);
});

test("the checksum is the same in both dialects and in any order, and another one for other values", async () => {
  const columns = [
    { name: "a", type: { name: "TEXT" } },
    { name: "b", type: { name: "NUMERIC", precision: 12, scale: 2 } },
    { name: "c", type: { name: "TIMESTAMPTZ" } },
    { name: "d", type: { name: "BOOLEAN" } },
  ] as const;
  const sum = async (dialect: "postgres" | "redshift", values: string): Promise<unknown> =>
    (await rows(`SELECT ${checksumSql(columns, dialect)}::text FROM (VALUES ${values}) AS v(a, b, c, d)`))[0]?.[0];
  const first = "('é', 1.5, '2024-01-01 01:00+01'::timestamptz, true)";
  const second = "(NULL, NULL, NULL, NULL::boolean)";
  const known = await sum("postgres", `${first}, ${second}`);
  assert.is(await sum("redshift", `${first}, ${second}`), known);
  assert.is(await sum("postgres", `${second}, ${first}`), known);
  assert.is.not(await sum("postgres", `('n', 1.5, '2024-01-01 01:00+01'::timestamptz, true), ${second}`), known);
});

async function applyDdl(): Promise<void> {
  for (const { sql } of renderDdl(taxiStar)) await client.query(sql.replace(onlyRedshift, ""));
}

/** Moves a load in one transaction; the answer names the checks that failed. */
async function move(table: string, loadId: string, mode: WriteMode, staged: unknown[][], removed: string[] = []): Promise<string[]> {
  const { locks, stage, dimensions, facts, checks } = renderMove(taxiStar, table, { loadId, sequence: 1n, mode, removed });
  const failed: string[] = [];
  await client.query("BEGIN");
  for (const lock of locks) await client.query(`LOCK ${lock}`);
  await client.query(stage.create);
  for (const row of staged) {
    await client.query(`INSERT INTO ${stage.name} VALUES (${row.map((_, index) => `$${index + 1}`).join(", ")})`, row);
  }
  for (const { sql } of [...dimensions, ...facts]) await client.query(sql);
  for (const { what, sql } of checks) if (Number((await rows(sql))[0]?.[0]) !== 0) failed.push(what);
  await client.query(`DROP TABLE ${stage.name}`);
  await client.query("COMMIT");
  return failed;
}

async function rows(sql: string): Promise<unknown[][]> {
  return (await client.query({ text: sql, rowMode: "array" })).rows;
}

async function totals(): Promise<unknown[]> {
  return (await rows("SELECT total FROM taxi.fact_trip ORDER BY 1")).flat();
}

test.run();
