import { Readable } from "node:stream";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { TransientError, UserError } from "../../src/errors.ts";
import { rejects } from "../rejects.ts";
import { until } from "../until.ts";
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

const two = csvFile("id,name\n1,a\n2,b\n");

test("a first load makes the table, its rows and the ledger row that tells where they come from", async () => {
  const result = await database.load({ files: [two], commit: "c0ffee" });
  assert.equal(
    { ...result, loadId: "" },
    { loadId: "", table: "trips", rowsRead: 2, rowsWritten: 2, rowsQuarantined: 0, unchanged: false, newerRun: null },
  );
  const columns = await database.rows(
    "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'trips' ORDER BY ordinal_position",
  );
  assert.equal(columns, [
    ["id", "integer"],
    ["name", "text"],
    ["scraping_execution_date", "timestamp with time zone"],
    ["_load_id", "text"],
  ]);
  const rows = await database.rows("SELECT id, name, scraping_execution_date, _load_id FROM trips ORDER BY id");
  const at = new Date("2023-01-29T09:00:00Z");
  assert.equal(rows, [
    [1, "a", at, result.loadId],
    [2, "b", at, result.loadId],
  ]);
  const ledger = await database.rows(
    `SELECT load_id, table_name, dag, task, run_id, map_index, "commit", rows_read, rows_written FROM dagline.ledger`,
  );
  assert.equal(ledger, [[result.loadId, "trips", "trips_dag", "load_trips", "manual__1", -1, "c0ffee", "2", "2"]]);
});

test("a re-run with the same file writes nothing", async () => {
  await database.load({ files: [two] });
  const [before] = await database.rows("SELECT array_agg(xmin::text || ctid::text) FROM trips");
  const again = await database.load({ files: [two] });
  assert.is(again.unchanged, true);
  assert.is(again.rowsRead, 2);
  assert.equal((await database.rows("SELECT array_agg(xmin::text || ctid::text) FROM trips"))[0], before);
});

test("a re-run with the same file restores rows that somebody deleted", async () => {
  await database.load({ files: [two] });
  await database.admin.query("DELETE FROM trips WHERE id = 1");
  assert.is((await database.load({ files: [two] })).unchanged, false);
  assert.equal(await database.rows("SELECT id FROM trips ORDER BY id"), [[1], [2]]);
});

test("a re-run with another file replaces its own rows and no others", async () => {
  await database.load({ files: [two] });
  await database.load({ files: [csvFile("id,name\n7,other\n")], runId: "manual__2" });
  await database.load({ files: [csvFile("name,id\nc,3\n")] });
  assert.equal(await database.rows("SELECT id, name FROM trips ORDER BY id"), [
    [3, "c"],
    [7, "other"],
  ]);
});

test("a table from elsewhere with columns of our names gets our defaults, so that a re-run finds its rows", async () => {
  await database.admin.query("CREATE TABLE trips (id integer, name text, scraping_execution_date timestamptz, _load_id text)");
  await database.admin.query("ALTER TABLE trips OWNER TO dagline_loader");
  const { loadId } = await database.load({ files: [two] });
  assert.is((await database.load({ files: [two] })).unchanged, true);
  await database.load({ files: [csvFile("id,name\n3,c\n")] });
  assert.equal(await database.rows("SELECT id, _load_id FROM trips"), [[3, loadId]]);
});

test("another run of the same slice takes the place of its rows; other map indexes do not", async () => {
  const mode = { kind: "append", slice: "green-2023-01" } as const;
  await database.load({ files: [two], mode });
  assert.is((await database.load({ files: [two], mode, runId: "manual__2" })).unchanged, true);
  await database.load({ files: [csvFile("id,name\n9,z\n")], mode, runId: "manual__3" });
  assert.equal(await database.rows("SELECT id FROM trips"), [[9]]);
  await database.load({ files: [two], mapIndex: 0 });
  await database.load({ files: [two], mapIndex: 1 });
  assert.equal(await database.rows("SELECT count(*)::int FROM trips"), [[5]]);
});

test("several files are one load: when one is bad, none is loaded", async () => {
  await database.load({ files: [two, csvFile("name,id\nc,3\n", "second.csv")] });
  assert.equal(await database.rows("SELECT count(*)::int FROM trips"), [[3]]);
  const torn = { ...csvFile("id,name\n5,e\n", "torn.csv"), sha256: "0".repeat(64) };
  const error = await rejects(
    database.load({ files: [csvFile("id,name\n4,d\n"), torn], runId: "2" }),
    /torn.csv is not the file that the task before wrote/,
  );
  assert.instance(error, UserError);
  assert.equal(await database.rows("SELECT count(*)::int FROM trips"), [[3]]);
});

test("a header without rows loads no rows; an empty file is an error", async () => {
  assert.is((await database.load({ files: [csvFile("id,name\r\n")] })).rowsRead, 0);
  assert.is((await database.load({ files: [csvFile("\uFEFFid,name")], runId: "2" })).rowsRead, 0);
  await rejects(database.load({ files: [csvFile("")] }), /the file is empty, it has not even a header/);
  await rejects(database.load({ files: [csvFile("\n1,a\n")] }), /the first line names no columns/);
});

test("columns that do not match the fields fail before anything is written, with both lists and the nearest names", async () => {
  const error = await rejects(database.load({ files: [two, csvFile("id,nmae,name2,id\n1,a,,\n", "b.csv")] }));
  assert.instance(error, UserError);
  assert.match(error.message, 'columns of the file: "id", "nmae", "name2", "id"');
  assert.match(error.message, 'fields in the YAML: "id", "name"');
  assert.match(error.message, 'the fields lack "nmae" (nearest: "name")');
  assert.match(error.message, 'the file has "id" more than once');
  assert.equal(await database.rows("SELECT to_regclass('trips'), to_regclass('dagline.ledger')"), [[null, null]]);
});

test("each file is read in small pieces, wherever they are cut", async () => {
  const text = '\uFEFF"na""me",id\r\n"a, ""b""\r\n\u00e9",1\r\n"",2\r\n,3\r\n';
  const file = { ...csvFile(text), open: async () => Readable.from([...Buffer.from(text)].map((byte) => Buffer.from([byte]))) };
  await database.load({ files: [file], fields: fieldsOf({ id: "INTEGER", 'na"me': "TEXT" }) });
  assert.equal(await database.rows('SELECT id, "na""me" FROM trips ORDER BY id'), [
    [1, 'a, "b"\r\n\u00e9'],
    [2, ""],
    [3, null],
  ]);
});

test("twelve first loads at once make the tables once and each adds its rows", async () => {
  const runs = Array.from({ length: 12 }, (_, index) => database.load({ files: [two], runId: `run-${index}` }));
  await Promise.all(runs);
  assert.equal(await database.rows("SELECT count(*)::int FROM trips"), [[24]]);
  assert.equal(await database.rows("SELECT count(*)::int FROM dagline.ledger"), [[12]]);
});

test("the same load twice at once leaves its rows once", async () => {
  const results = await Promise.all([database.load({ files: [two] }), database.load({ files: [two] })]);
  assert.equal(results.map((result) => result.unchanged).sort(), [false, true]);
  assert.equal(await database.rows("SELECT count(*)::int FROM trips"), [[2]]);
});

test("an abort in the middle of the rows leaves what was there before", async () => {
  await database.load({ files: [two] });
  const abort = new AbortController();
  const endless = { ...two, sha256: "1".repeat(64), open: async () => Readable.from(forever()) };
  const loading = database.load({ files: [endless], signal: abort.signal });
  void loading.catch(() => undefined);
  await until("the COPY", async () => (await database.rows("SELECT FROM pg_stat_progress_copy WHERE tuples_processed > 1000")).length > 0);
  abort.abort();
  const error = await rejects(loading, /was stopped; nothing of it was kept/);
  assert.instance(error, TransientError);
  assert.equal(await database.rows("SELECT id FROM trips ORDER BY id"), [[1], [2]]);
});

test("a file that breaks off leaves what was there before, and its error is the one that is told", async () => {
  await database.load({ files: [two] });
  const breaking = { ...two, sha256: "1".repeat(64), open: async () => Readable.from(breakOff()) };
  await rejects(database.load({ files: [breaking] }), /the network broke/);
  assert.equal(await database.rows("SELECT id FROM trips ORDER BY id"), [[1], [2]]);
});

test("a session that the server ends in the middle of the rows is a reason to try again", async () => {
  const endless = { ...two, open: async () => Readable.from(forever()) };
  const loading = database.load({ files: [endless] });
  void loading.catch(() => undefined);
  await until("the COPY", async () => (await database.rows("SELECT FROM pg_stat_progress_copy WHERE tuples_processed > 1000")).length > 0);
  await database.admin.query("SELECT pg_terminate_backend(pid) FROM pg_stat_progress_copy");
  assert.instance(await rejects(loading), TransientError);
  assert.equal(await database.rows("SELECT count(*)::int FROM trips"), [[0]]);
});

function* forever(): Generator<Buffer> {
  yield Buffer.from("id,name\n");
  for (;;) yield Buffer.from("1,a\n".repeat(10_000));
}

function* breakOff(): Generator<Buffer> {
  yield Buffer.from("id,name\n8,h\n");
  yield Buffer.from("9,i\n");
  throw new Error("the network broke");
}

test.run();
