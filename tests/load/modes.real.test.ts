import { test } from "uvu";
import * as assert from "uvu/assert";
import { UserError } from "../../src/errors.ts";
import type { LoadRequest } from "../../src/load/request.ts";
import { rejects } from "../rejects.ts";
import { csvFile, fieldsOf, TestDatabase } from "./fixture.ts";

let database: TestDatabase;

test.before(async () => {
  database = await TestDatabase.start();
});
test.after(async () => {
  await database?.stop();
});
test.after.each(async () => {
  await database.admin.query("DROP TABLE IF EXISTS trips; DROP SCHEMA IF EXISTS dagline CASCADE");
});

const replace: Partial<LoadRequest> = { mode: { kind: "replace" } };
const upsert: Partial<LoadRequest> = { mode: { kind: "upsert", key: ["id"] } };

test("replace leaves only the new rows; the same run again changes nothing", async () => {
  await database.load({ ...replace, files: [csvFile("id,name\n1,a\n2,b\n")] });
  const second = { ...replace, runId: "2", files: [csvFile("id,name\n3,c\n")] };
  await database.load(second);
  assert.equal(await database.rows("SELECT id FROM trips"), [[3]]);
  assert.is((await database.load(second)).unchanged, true);
});

test("replace by an earlier run's file brings its rows back: only the last load is known to be there", async () => {
  const first = { ...replace, files: [csvFile("id,name\n1,a\n")] };
  await database.load(first);
  await database.load({ ...replace, runId: "2", files: [csvFile("id,name\n2,b\n")] });
  assert.is((await database.load(first)).unchanged, false);
  assert.equal(await database.rows("SELECT id FROM trips"), [[1]]);
});

test("who reads during a replace waits for nothing and sees the old rows or the new ones", async () => {
  const rows = (from: number): string => Array.from({ length: 20_000 }, (_, index) => `${from + index},x\n`).join("");
  await database.load({ ...replace, files: [csvFile(`id,name\n${rows(0)}`)] });
  let loading = true;
  const load = database.load({ ...replace, runId: "2", files: [csvFile(`id,name\n${rows(100_000)}`)] }).finally(() => {
    loading = false;
  });
  let reads = 0;
  while (loading) {
    const [seen] = await database.rows("SELECT count(*)::int, min(id) < 100000, max(id) < 100000 FROM trips");
    assert.is(seen?.[0], 20_000);
    assert.is(seen?.[1], seen?.[2]);
    reads++;
  }
  await load;
  assert.ok(reads > 1, `${reads} reads`);
});

test("two replaces at once leave the rows of one of them", async () => {
  await database.load({ ...replace, files: [csvFile("id,name\n0,o\n")] });
  const one = (id: number): Promise<unknown> =>
    database.load({ ...replace, runId: `run-${id}`, files: [csvFile(`id,name\n${id},x\n${id},y\n`)] });
  await Promise.all([one(1), one(2), one(3)]);
  const left = await database.rows("SELECT DISTINCT id FROM trips");
  assert.is(left.length, 1);
  assert.equal(await database.rows("SELECT count(*)::int FROM trips"), [[2]]);
});

test("upsert inserts new keys, changes rows that differ, and leaves the others alone", async () => {
  await database.load({ ...upsert, files: [csvFile("id,name\n1,a\n2,b\n3,\n")] });
  const before = await database.rows("SELECT ctid::text, _load_id FROM trips WHERE id IN (1, 3) ORDER BY id");
  const second = { ...upsert, runId: "2", files: [csvFile("id,name\n1,a\n2,changed\n3,\n4,d\n")] };
  const result = await database.load(second);
  assert.is(result.rowsRead, 4);
  assert.is(result.rowsWritten, 2);
  assert.equal(await database.rows("SELECT ctid::text, _load_id FROM trips WHERE id IN (1, 3) ORDER BY id"), before);
  assert.equal(await database.rows(`SELECT id, name FROM trips WHERE _load_id = '${result.loadId}' ORDER BY id`), [
    [2, "changed"],
    [4, "d"],
  ]);
  assert.is((await database.load(second)).unchanged, true);
});

test("an upsert that is run again brings back a row that somebody deleted", async () => {
  const request = { ...upsert, files: [csvFile("id,name\n1,a\n2,b\n")] };
  await database.load(request);
  await database.admin.query("DELETE FROM trips WHERE id = 1");
  assert.is((await database.load(request)).rowsWritten, 1);
  assert.equal(await database.rows("SELECT id FROM trips ORDER BY id"), [[1], [2]]);
});

test("upsert refuses the same key twice, with examples, and a key that is null; nothing is loaded", async () => {
  const twice = await rejects(
    database.load({ ...upsert, files: [csvFile("id,name\n1,a\n2,b\n1,c\n"), csvFile("id,name\n2,x\n", "b.csv")] }),
  );
  assert.instance(twice, UserError);
  assert.match(twice.message, /same key \(id\):\n {2}\(1\): 2 rows\n {2}\(2\): 2 rows/);
  await rejects(database.load({ ...upsert, files: [csvFile("id,name\n,a\n")] }), /1 row has no `id`, which is in the key/);
  assert.equal(await database.rows("SELECT count(*)::int FROM trips"), [[0]]);
});

test("upsert into a table whose rows already share a key says so", async () => {
  await database.load({ files: [csvFile("id,name\n1,a\n1,b\n")] });
  await rejects(
    database.load({ ...upsert, runId: "2", files: [csvFile("id,name\n2,b\n")] }),
    /already has several rows with the same key.*\(id\)/,
  );
});

test("upsert uses a unique index that is there, whatever the order of its columns", async () => {
  const mode = { kind: "upsert", key: ["name", "id"] } as const;
  await database.load({ mode, files: [csvFile("id,name\n1,a\n1,b\n")] });
  await database.load({ mode: { kind: "upsert", key: ["id", "name"] }, runId: "2", files: [csvFile("id,name\n1,a\n2,b\n")] });
  assert.equal(await database.rows("SELECT count(*)::int FROM trips"), [[3]]);
  assert.equal(await database.rows("SELECT count(*)::int FROM pg_index WHERE indrelid = 'trips'::regclass AND indisunique"), [[1]]);
});

test("upserts of the same keys at once do not get in each other's way", async () => {
  const rows = (name: string): string => Array.from({ length: 500 }, (_, id) => `${id},${name}\n`).join("");
  await Promise.all(
    ["a", "b", "c", "d"].map((name) => database.load({ ...upsert, runId: name, files: [csvFile(`id,name\n${rows(name)}`)] })),
  );
  assert.equal(await database.rows("SELECT count(*)::int, count(DISTINCT name)::int FROM trips"), [[500, 1]]);
});

test("fields that were added become columns, and wider types are taken over without loss", async () => {
  await database.load({ files: [csvFile("id,name\n1,a\n")], fields: fieldsOf({ id: "INTEGER", name: { name: "VARCHAR", length: 3 } }) });
  await database.load({
    files: [csvFile("id,name,fare\n3000000000,abcdef,1.50\n")],
    runId: "2",
    fields: fieldsOf({ id: "BIGINT", name: "TEXT", fare: "NUMERIC" }),
  });
  assert.equal(await database.rows("SELECT id, name, fare FROM trips ORDER BY id"), [
    ["1", "a", null],
    ["3000000000", "abcdef", "1.50"],
  ]);
});

test("a type that differs is refused with both", async () => {
  await database.load({ files: [csvFile("id,name\n1,a\n")] });
  const error = await rejects(
    database.load({ files: [csvFile("id,name\n1,a\n")], runId: "2", fields: fieldsOf({ id: "DATE", name: "TEXT" }) }),
  );
  assert.instance(error, UserError);
  assert.match(error.message, "column `id` of table `trips` is integer in the database, and date in fields");
});

test("every type takes what PostgreSQL takes, and an empty value is null", async () => {
  const fields = fieldsOf({
    n: { name: "NUMERIC", precision: 12, scale: 2 },
    big: "BIGINT",
    f: "FLOAT",
    b: "BOOLEAN",
    d: "DATE",
    t: "TIMESTAMP",
    tz: "TIMESTAMPTZ",
    v: { name: "VARCHAR", length: 3 },
  });
  const text =
    "n,big,f,b,d,t,tz,v\n12.345,9007199254740993,1e-7,true,2023-01-02,2023-01-02 03:04:05.678901,2023-01-02T03:04:05+02:00,äöü\n,,,,,,,\n";
  await database.load({ files: [csvFile(text)], fields });
  const columns = fields.map((field) => `${field.name}::text`).join(", ");
  await database.admin.query("SET timezone = 'UTC'");
  assert.equal(await database.rows(`SELECT ${columns} FROM trips ORDER BY n NULLS LAST`), [
    ["12.35", "9007199254740993", "1e-07", "true", "2023-01-02", "2023-01-02 03:04:05.678901", "2023-01-02 01:04:05+00", "äöü"],
    [null, null, null, null, null, null, null, null],
  ]);
});

test("names and values that look like SQL are only names and values", async () => {
  const column = `x"; DROP TABLE trips; --`;
  const table = `Robert'); DROP "TABLE`;
  const quoted = column.replaceAll('"', '""');
  const value = `'); DELETE FROM dagline.ledger; -- \\ \\. $1`;
  const request = { table, fields: fieldsOf({ [column]: "TEXT", n: "INTEGER" as const, c0: "TEXT" as const }) };
  const file = csvFile(`n,"${quoted}",c0\n1,"${value}",z\n`);
  for (const mode of [{ kind: "append", slice: "'; --" }, { kind: "replace" }, { kind: "upsert", key: [column] }] as const) {
    await database.load({ ...request, mode, files: [file], runId: `run '${mode.kind}"; --` });
  }
  await database.load({
    ...request,
    maxBadRows: 1,
    mode: { kind: "upsert", key: [column] },
    files: [csvFile(`n,"${quoted}",c0\n"${value}",k,z\n`)],
  });
  assert.equal(await database.rows(`SELECT n, "${quoted}", c0 FROM "${table.replaceAll('"', '""')}"`), [[1, value, "z"]]);
  assert.equal(await database.rows("SELECT value FROM dagline.quarantine"), [[value]]);
  await database.admin.query(`DROP TABLE "${table.replaceAll('"', '""')}"`);
});

test("a name that PostgreSQL would cut short, or a view in the table's place, is refused", async () => {
  await rejects(database.load({ table: "t".repeat(64), files: [csvFile("id,name\n")] }), /not a name for a table/);
  await database.admin.query("CREATE VIEW a_view AS SELECT 1 AS id, 'a' AS name");
  await rejects(database.load({ table: "a_view", files: [csvFile("id,name\n")] }), /is no table in the database/);
});

test.run();
