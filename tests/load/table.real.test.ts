import { test } from "uvu";
import * as assert from "uvu/assert";
import { TransientError, UserError } from "../../src/errors.ts";
import { sha256 } from "../../src/ids.ts";
import type { LoadRequest } from "../../src/load/request.ts";
import { rejects } from "../rejects.ts";
import { csvFile, fieldsOf, TestDatabase } from "./fixture.ts";

let database: TestDatabase;

test.before(async () => {
  database = await TestDatabase.start();
});
test.before.each(async () => {
  await database.admin.query("DROP TABLE IF EXISTS trips CASCADE");
  await database.admin.query("ALTER ROLE dagline_loader RESET ALL");
});
test.after(async () => {
  await database?.stop();
});

const rows = csvFile("id,name\n1,a\n2,b\n");
const byId = { kind: "upsert", key: ["id"] } as const;
const uniqueIndexes = "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'trips'::regclass AND indisunique ORDER BY 1";

async function asOwner(...statements: string[]): Promise<void> {
  const owner = await database.postgres.connect("data_pipeline_db", "dagline_loader");
  for (const statement of statements) await owner.query(statement);
  await owner.end();
}

function loadOf(run: string, text: string, more: Partial<LoadRequest> = {}) {
  return database.load({ runId: run, files: [csvFile(text)], ...more });
}

test("a column that a release widened takes the loads of the release before it", async () => {
  await database.load({ files: [rows] });
  await loadOf("2", "id,name\n5000000000,c\n", { fields: fieldsOf({ id: "BIGINT", name: "TEXT" }) });
  await loadOf("3", "id,name\n3,d\n");
  assert.equal(await database.rows("SELECT id, name FROM trips ORDER BY id"), [
    ["1", "a"],
    ["2", "b"],
    ["3", "d"],
    ["5000000000", "c"],
  ]);
});

test("a column that was widened still takes only what its field does", async () => {
  const text = { name: "VARCHAR", length: 3 } as const;
  const fields = fieldsOf({ id: "INTEGER", name: text });
  await database.load({ fields: fieldsOf({ id: "BIGINT", name: "TEXT" }), files: [csvFile("id,name\n1,a\n")] });
  for (const [index, mode] of ([{ kind: "append", slice: null }, { kind: "replace" }, byId] as const).entries()) {
    const result = await loadOf(`narrow-${index}`, "id,name\n5000000000,b\n2,toolong\n3,c\n", { fields, mode, maxBadRows: 2 });
    assert.equal([result.rowsRead, result.rowsWritten, result.rowsQuarantined], [3, 1, 2], mode.kind);
    assert.instance(await rejects(loadOf("none", "id,name\n5000000000,b\n", { fields, mode }), /out of range for type integer/), UserError);
    await database.admin.query("DELETE FROM trips WHERE id <> 1");
  }
});

test("a key that is too long for PostgreSQL's index is named, with its length", async () => {
  // What does not compress.
  const long = Array.from({ length: 200 }, (_, index) => sha256(String(index))).join("");
  const mode = { kind: "upsert", key: ["name"] } as const;
  const error = await rejects(
    loadOf("1", `id,name\n1,a\n2,${long}\n`, { mode }),
    /a value of `name`.* has 12800 bytes, .* takes 2704: "5feceb66/,
  );
  assert.instance(error, UserError);
  assert.is((await loadOf("2", `id,name\n1,${"a".repeat(6000)}\n`, { mode })).rowsWritten, 1, "one that compresses fits");
});

test("a key that somebody else inserts during the merge is a reason to try again", async () => {
  await database.load({ mode: byId, files: [rows] });
  await database.admin.query("BEGIN");
  await database.admin.query("INSERT INTO trips (id, name) VALUES (3, 'theirs')");
  const load = loadOf("2", "id,name\n3,ours\n", { mode: byId });
  const watcher = await database.postgres.connect("data_pipeline_db");
  const waiting = "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'dagline' AND wait_event_type = 'Lock'";
  while (((await watcher.query<{ n: number }>(waiting)).rows[0]?.n ?? 0) === 0);
  await watcher.end();
  await database.admin.query("COMMIT");
  assert.instance(await rejects(load, /another session has just inserted a row with the same id/), TransientError);
  assert.is((await loadOf("2", "id,name\n3,ours\n", { mode: byId })).rowsWritten, 1);
});

test("rows that a trigger or a generated column refuses are the user's, not a bug", async () => {
  await database.load({ files: [rows] });
  await asOwner("ALTER TABLE trips ADD COLUMN per numeric GENERATED ALWAYS AS (100 / (id - 5)) STORED");
  assert.instance(await rejects(loadOf("2", "id,name\n5,x\n"), /does not take the rows: division by zero/), UserError);
});

test("a view that stands in the way of a wider type is named, with what to do", async () => {
  await database.load({ files: [rows] });
  await asOwner("CREATE VIEW busiest AS SELECT id FROM trips");
  const error = await rejects(
    loadOf("2", "id,name\n5000000000,c\n", { fields: fieldsOf({ id: "BIGINT", name: "TEXT" }) }),
    /cannot be changed as its fields say.*view busiest depends on column "id"/,
  );
  assert.instance(error, UserError);
  assert.match(String((error as UserError).hint), /Drop what uses the column.*ALTER TABLE "public"."trips"/);
});

test("so is a policy, a trigger or a generated column that uses the column", async () => {
  const users = {
    "policy own": "CREATE POLICY own ON trips USING (id > 0)",
    "trigger seen": `CREATE FUNCTION seen() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
      CREATE TRIGGER seen BEFORE UPDATE OF id ON trips FOR EACH ROW EXECUTE FUNCTION seen()`,
    twice: "ALTER TABLE trips ADD COLUMN twice bigint GENERATED ALWAYS AS (id * 2) STORED",
  };
  for (const [name, statement] of Object.entries(users)) {
    await database.admin.query("DROP TABLE IF EXISTS trips CASCADE; DROP FUNCTION IF EXISTS seen");
    await database.load({ runId: name, files: [rows] });
    await asOwner(statement);
    const widened = loadOf("wider", "id,name\n3,c\n", { fields: fieldsOf({ id: "BIGINT", name: "TEXT" }) });
    const error = await rejects(widened, new RegExp(`cannot be changed as its fields say.*${name}`));
    assert.instance(error, UserError, name);
  }
});

test("an upsert's index goes when its key changes, and when nobody merges any more", async () => {
  await loadOf("1", "id,name\n1,a\n", { mode: byId });
  assert.match(String(await database.rows(uniqueIndexes)), /trips_dagline_key ON public.trips USING btree \(id\)$/);
  await loadOf("2", "id,name\n1,b\n", { mode: { kind: "upsert", key: ["id", "name"] } });
  assert.match(String(await database.rows(uniqueIndexes)), /trips_dagline_key ON public.trips USING btree \(id, name\)$/);
  await loadOf("3", "id,name\n1,b\n1,b\n", { mode: { kind: "append", slice: null } });
  assert.equal(await database.rows(uniqueIndexes), []);
  assert.equal(await database.rows("SELECT count(*)::int FROM trips"), [[4]]);
});

test("a unique index that is not ours stays, and is named when rows do not meet it", async () => {
  await database.load({ files: [rows] });
  await asOwner("CREATE UNIQUE INDEX one_of_each ON trips (id)");
  const error = await rejects(loadOf("2", "id,name\n1,again\n"), /one_of_each/);
  assert.instance(error, UserError);
  assert.match(String((error as UserError).hint), '"one_of_each" of public.trips');
  await loadOf("3", "id,name\n1,again\n", { mode: byId });
  assert.equal((await database.rows(uniqueIndexes)).length, 1);
});

test("an index on an expression or of a part of the rows does not serve for a merge", async () => {
  await database.load({ files: [rows] });
  await asOwner("CREATE UNIQUE INDEX ON trips ((id + 1))", "CREATE UNIQUE INDEX ON trips (id) WHERE id > 0");
  await loadOf("2", "id,name\n1,again\n", { mode: byId });
  assert.equal((await database.rows(uniqueIndexes)).length, 3);
});

test("rows that share the new key are told as the user's", async () => {
  await database.load({ files: [csvFile("id,name\n1,a\n1,b\n")] });
  assert.instance(await rejects(loadOf("2", "id,name\n1,c\n", { mode: byId }), /several rows with the same key.*\(id\)=\(1\)/), UserError);
});

test("a load waits for a table that another session holds, also when it has nothing to change in it", async () => {
  await database.load({ files: [rows] });
  await database.admin.query("BEGIN");
  await database.admin.query("LOCK trips IN ACCESS EXCLUSIVE MODE");
  const load = loadOf("2", "id,name\n3,c\n");
  const waiting = "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'dagline' AND wait_event_type = 'Lock'";
  const limits = "SELECT DISTINCT current_setting('lock_timeout')";
  const watcher = await database.postgres.connect("data_pipeline_db");
  while (((await watcher.query<{ n: number }>(waiting)).rows[0]?.n ?? 0) === 0) await watcher.query(limits);
  await watcher.end();
  await database.admin.query("COMMIT");
  assert.is((await load).rowsWritten, 1);
});

test("what a role is set to changes nothing that a load does", async () => {
  const role = "ALTER ROLE dagline_loader SET";
  await database.admin.query(`
    ${role} default_transaction_isolation = 'repeatable read'; ${role} default_transaction_read_only = on; ${role} default_transaction_deferrable = on;
    ${role} statement_timeout = '1s'; ${role} idle_in_transaction_session_timeout = '1s'; ${role} lock_timeout = '1ms';
    ${role} datestyle = 'German, DMY'; ${role} timezone = 'Asia/Tokyo'; ${role} transform_null_equals = on; ${role} synchronous_commit = off`);
  const fields = fieldsOf({ id: "INTEGER", at: "TIMESTAMPTZ", day: "DATE" });
  const text = (id: number): string => `id,at,day\n${id},2023-02-01T00:00:00Z,2023-02-01\n`;
  const replace = { mode: { kind: "replace" }, fields } as const;
  await loadOf("0", text(0), replace);
  // Each waits for the one before it, and sees what that has written.
  const results = await Promise.all(["1", "2", "3", "4"].map((run) => loadOf(run, text(Number(run)), replace)));
  assert.equal(
    results.map(({ rowsWritten }) => rowsWritten),
    [1, 1, 1, 1],
  );
  const found = await database.rows("SELECT count(*)::int, min(at AT TIME ZONE 'UTC')::text, min(to_char(day, 'YYYY-MM-DD')) FROM trips");
  assert.equal(found, [[1, "2023-02-01 00:00:00", "2023-02-01"]]);
});

test("a limit of the role on transactions does not end a load", async () => {
  const [[version] = []] = await database.rows("SELECT current_setting('server_version_num')::int");
  if (Number(version) < 170_000) return; // transaction_timeout came with 17
  await database.admin.query("ALTER ROLE dagline_loader SET transaction_timeout = '1s'");
  await database.load({ files: [rows] });
  await database.admin.query("BEGIN");
  await database.admin.query("LOCK trips IN ACCESS EXCLUSIVE MODE");
  const load = loadOf("2", "id,name\n3,c\n");
  const [before] = await database.rows("SELECT clock_timestamp()");
  const isLater = "SELECT clock_timestamp() > $1::timestamptz + interval '1500 ms' AS later";
  while ((await database.admin.query<{ later: boolean }>(isLater, [before?.[0]])).rows[0]?.later !== true);
  await database.admin.query("COMMIT");
  assert.is((await load).rowsWritten, 1);
});

test("functions of the user's schema are not taken for PostgreSQL's", async () => {
  await database.admin.query(`CREATE SCHEMA s AUTHORIZATION dagline_loader; ALTER ROLE dagline_loader SET search_path = s, pg_catalog;
    CREATE FUNCTION s.set_config(text, text, boolean) RETURNS text LANGUAGE sql AS 'SELECT NULL::text';
    CREATE FUNCTION s.current_setting(text, boolean) RETURNS text LANGUAGE sql AS 'SELECT NULL::text'`);
  try {
    await database.load({ files: [rows] });
    assert.equal(
      await database.rows("SELECT count(*)::int FROM s.trips WHERE _load_id IS NOT NULL AND scraping_execution_date IS NOT NULL"),
      [[2]],
    );
  } finally {
    await database.admin.query("DROP SCHEMA s CASCADE");
  }
});

test("a table that hides rows from the loader is refused, not half replaced", async () => {
  await database.load({ files: [rows] });
  await asOwner("ALTER TABLE trips ENABLE ROW LEVEL SECURITY", "ALTER TABLE trips FORCE ROW LEVEL SECURITY");
  const error = await rejects(loadOf("2", "id,name\n3,c\n", { mode: { kind: "replace" } }), /row-level security/);
  assert.instance(error, UserError);
});

test("what a trigger of the table raises is the user's", async () => {
  await database.load({ files: [rows] });
  await asOwner(
    "CREATE OR REPLACE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''closed'' USING DETAIL = ''until May''; END'",
    "CREATE TRIGGER no BEFORE INSERT ON trips FOR EACH ROW EXECUTE FUNCTION no()",
  );
  assert.instance(await rejects(loadOf("2", "id,name\n3,c\n"), /closed \(until May\)/), UserError);
});

test("a server that only reads is a reason to try again", async () => {
  // As a standby says it: PostgreSQL, "Hot Standby".
  const connection = await database.connect();
  const error = await rejects(connection.query("DO $$ BEGIN RAISE EXCEPTION SQLSTATE '25006'; END $$"), /takes no writes now/);
  await connection.end();
  assert.instance(error, TransientError);
});

test.run();
