import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { DuckDBInstance } from "@duckdb/node-api";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { UserError } from "../../src/errors.ts";
import type { LoadFile, LoadRequest, LoadResult } from "../../src/load/request.ts";
import type { Field } from "../../src/scrape/model.ts";
import { duckdbTables } from "../../src/services/duckdb.ts";
import { duckdbText } from "../../src/tables/csv-dialect.ts";
import { fieldsOf, TestDatabase } from "../load/fixture.ts";
import { rejects } from "../rejects.ts";
import { until } from "../until.ts";

let database: TestDatabase;
const dir = mkdtempSync(join(tmpdir(), "dagline-load-tables-test-"));
const temporary = join(dir, "duckdb");
const writer = await (await DuckDBInstance.create(":memory:", { threads: "1" })).connect();
test.before(async () => {
  await writer.run("SET TimeZone = 'UTC'");
  database = await TestDatabase.start();
});
test.after(async () => {
  writer.closeSync();
  await database.stop();
  rmSync(dir, { recursive: true });
});
test.after.each(async () => {
  await database.admin.query("DROP TABLE IF EXISTS trips; DROP SCHEMA IF EXISTS dagline CASCADE");
});

type Types = Parameters<typeof fieldsOf>[0];

async function parquet(query: string, fields: readonly Field[], options = ""): Promise<LoadFile> {
  const path = join(dir, "rows.parquet");
  await writer.run(`COPY (${query}) TO ${duckdbText(path)} (FORMAT parquet${options})`);
  return staged(path, "parquet", fields);
}

function ndjson(text: string, fields: readonly Field[]): Promise<LoadFile> {
  const path = join(dir, "rows.ndjson");
  writeFileSync(path, text);
  return staged(path, "ndjson", fields);
}

async function staged(path: string, extension: string, fields: readonly Field[]): Promise<LoadFile> {
  const counted = await duckdbTables.describe(path, extension, { digest: false, temporary });
  const name = `rows.${extension}`;
  return {
    key: name,
    sha256: createHash("sha256").update(readFileSync(path)).digest("hex"),
    isVerified: true,
    firstLine: 1,
    rows: counted?.rows ?? null,
    open: async () => duckdbTables.asCsv({ path, extension, name, fields, temporary }),
  };
}

async function loadParquet(query: string, types: Types, request: Partial<LoadRequest> = {}): Promise<LoadResult> {
  const fields = fieldsOf(types);
  return database.load({ ...request, fields, files: [await parquet(query, fields)] });
}

async function loadNdjson(text: string, types: Types, request: Partial<LoadRequest> = {}): Promise<LoadResult> {
  const fields = fieldsOf(types);
  return database.load({ ...request, fields, files: [await ndjson(text, fields)] });
}

test("the values of a parquet file arrive exactly", async () => {
  const decimal = { name: "NUMERIC", precision: 38, scale: 9 } as const;
  await loadParquet(
    `SELECT 9007199254740993::BIGINT AS big, 12345678901234567890.123456789::DECIMAL(38,9) AS dec, 0.1::DOUBLE AS dbl, 123456792::FLOAT AS flt,
       TRUE AS bool, DATE '2023-01-31' AS day, TIMESTAMP '2023-01-31 03:04:05.678901' AS ts, TIMESTAMPTZ '2023-01-31 03:04:05+02' AS tz,
       'say "hi", then' || chr(10) AS txt, '' AS empty, NULL::VARCHAR AS nothing, {a: [1, NULL], b: 'x"y'} AS nested, MAP{'k': 1.5::DECIMAL(3,1)} AS map`,
    {
      big: "BIGINT",
      dec: decimal,
      dbl: "FLOAT",
      flt: "FLOAT",
      bool: "BOOLEAN",
      day: "DATE",
      ts: "TIMESTAMP",
      tz: "TIMESTAMPTZ",
      txt: "TEXT",
      empty: "TEXT",
      nothing: "TEXT",
      nested: "TEXT",
      map: "TEXT",
    },
  );
  assert.equal(
    await database.rows(
      `SELECT big::text, dec::text, dbl::text, flt::text, bool, day::text, ts::text, (tz AT TIME ZONE 'UTC')::text, txt, empty, nothing, nested, map FROM trips`,
    ),
    [
      [
        "9007199254740993",
        "12345678901234567890.123456789",
        "0.1",
        "123456792",
        true,
        "2023-01-31",
        "2023-01-31 03:04:05.678901",
        "2023-01-31 01:04:05",
        'say "hi", then\n',
        "",
        null,
        '{"a":[1,null],"b":"x\\"y"}',
        '{"k":1.5}',
      ],
    ],
  );
});

test("whole numbers that were written as fractions enter columns of whole numbers; others are bad rows", async () => {
  const types = { id: "BIGINT", name: "INTEGER" } as const;
  await loadParquet("SELECT i::DOUBLE AS id, CASE WHEN i > 0 THEN i::DECIMAL(5,2) END AS name FROM range(3) t(i)", types);
  assert.equal(await database.rows("SELECT id::int, name FROM trips ORDER BY id"), [
    [0, null],
    [1, 1],
    [2, 2],
  ]);
  await rejects(loadParquet("SELECT 1.5::DOUBLE AS id, 1 AS name", types, { runId: "2" }), /1 row does not fit/);
});

test("a column of another type than any field takes is an error that names it, before anything is written", async () => {
  for (const [value, type, what] of [
    ["'\\xFF'::BLOB", "TEXT", "values of type BLOB, which no field takes"],
    ["['\\xFF'::BLOB]", "TEXT", "values of type BLOB, which no field takes"],
    ["[1]", "INTEGER", "nested values (INTEGER[]), and its field is INTEGER"],
    ["TIMESTAMPTZ '2023-01-01'", "TIMESTAMP", "instants (TIMESTAMP WITH TIME ZONE), and its field is TIMESTAMP, which has no time zone"],
  ] as const) {
    const error = await rejects(loadParquet(`SELECT ${value} AS name`, { name: type }), /the column "name" holds/);
    assert.instance(error, UserError);
    assert.is(error.message, `rows.parquet: the column "name" holds ${what}`);
  }
  const error = await rejects(loadParquet("SELECT 1 AS id, 2 AS nmae", { id: "INTEGER", name: "TEXT" }), /do not match the fields/);
  assert.match(error.message, 'the fields lack "nmae" (nearest: "name")');
  assert.equal(await database.rows("SELECT to_regclass('trips')"), [[null]]);
});

test("a file that is no parquet, or breaks off, is the user's to mend, and nothing of it is loaded", async () => {
  const fields = fieldsOf({ id: "BIGINT", name: "TEXT" });
  const whole = await parquet(
    "SELECT i AS id, repeat(md5(i::VARCHAR), 20) AS name FROM range(40000) t(i)",
    fields,
    ", ROW_GROUP_SIZE 5000",
  );
  const path = join(dir, "rows.parquet");
  const bytes = readFileSync(path);
  bytes.fill(0x55, Math.floor(bytes.length / 2), Math.floor(bytes.length / 2) + 10_000);
  writeFileSync(path, bytes);
  assert.instance(await rejects(database.load({ fields, files: [whole] }), /rows\.parquet: not readable as parquet/), UserError);
  writeFileSync(path, "no parquet");
  assert.instance(await rejects(database.load({ fields, files: [whole] }), /rows\.parquet: not readable as parquet/), UserError);
  assert.equal(await database.rows("SELECT count(*)::int FROM trips"), [[0]]);
  assert.equal(readdirSync(temporary), []);
});

const many = "SELECT CASE WHEN i = 1000 THEN 'x' ELSE i::VARCHAR END AS id, repeat('y', 1000) AS name FROM range(50000) t(i)";

test("a load that is refused in the midst of a parquet file leaves no pipe behind", async () => {
  await rejects(loadParquet(many, { id: "BIGINT", name: "TEXT" }), /1 row does not fit/);
  assert.equal(readdirSync(temporary), []);
});

test("a load that is stopped in the midst of a parquet file ends the query and leaves no pipe behind", async () => {
  const stop = new AbortController();
  const fields = fieldsOf({ id: "TEXT", name: "TEXT" });
  const file = await parquet(many, fields);
  let opened = 0;
  const open = async (): Promise<Readable> => {
    // The first time only the columns are read.
    if (++opened === 2) setImmediate(() => stop.abort());
    return file.open();
  };
  await rejects(database.load({ fields, files: [{ ...file, open }], signal: stop.signal, runId: "2" }), /was stopped/);
  await until("the pipe is gone", () => readdirSync(temporary).length === 0);
});

test("a bad row of a parquet file goes to the quarantine like any other", async () => {
  const result = await loadParquet(
    "SELECT CASE WHEN i = 2 THEN 'two' ELSE i::VARCHAR END AS id, 'a,b' AS name FROM range(5) t(i)",
    { id: "INTEGER", name: "TEXT" },
    { maxBadRows: 1 },
  );
  assert.equal([result.rowsRead, result.rowsWritten, result.rowsQuarantined], [5, 4, 1]);
  assert.equal(await database.rows(`SELECT line::int, "column", value FROM dagline.quarantine`), [[3, "id", "two"]]);
});

test("newline-delimited JSON loads as it stands; a missing key is null, a bad value goes to the quarantine", async () => {
  const text = '{"id":9007199254740993,"name":"a\\nb"}\n{"name":{"x":1.0}}\n{"id":"12","name":true}\n{"id":"x"}\n';
  const result = await loadNdjson(text, { id: "BIGINT", name: "TEXT" }, { maxBadRows: 1 });
  assert.equal([result.rowsRead, result.rowsWritten, result.rowsQuarantined], [4, 3, 1]);
  assert.equal(await database.rows("SELECT id::text, name FROM trips ORDER BY id"), [
    ["12", "true"],
    ["9007199254740993", "a\nb"],
    [null, '{"x":1.0}'],
  ]);
  await rejects(
    loadNdjson('{"id":1}\n{"ip":2}\n', { id: "BIGINT", name: "TEXT" }, { runId: "2" }),
    /rows\.ndjson:2: the fields lack "ip" \(nearest: "id"\)/,
  );
});

test("a broken line of newline-delimited JSON is a bad row with its line and what is wrong, in a table of any number of columns", async () => {
  for (const [run, types] of [{ id: "BIGINT" }, { id: "BIGINT", name: "TEXT" }].entries()) {
    const text = '{"id":1}\n{"id":"a\\nb"}\n[3]\n\n{"id":5\n{"id":6,"id":6}\n{"id":"é\u0000\n{"id":8}';
    const load = { runId: `${run}`, table: `trips${run}` };
    await rejects(
      loadNdjson(text, types as Types, { ...load, maxBadRows: 4 }),
      /5 rows do not fit .*, and 4 are tolerated:\n +rows\.ndjson:2 id: .*\n.*\n +rows\.ndjson:3: not a JSON object: `\{` is expected at column 1/s,
    );
    const result = await loadNdjson(text, types as Types, { ...load, maxBadRows: 5 });
    assert.equal([result.rowsRead, result.rowsWritten, result.rowsQuarantined], [7, 2, 5]);
    assert.equal(await database.rows(`SELECT id::int FROM trips${run} ORDER BY id`), [[1], [8]]);
    const bad = await database.rows(
      `SELECT line::int, value, reason FROM dagline.quarantine WHERE load_id = '${result.loadId}' ORDER BY line`,
    );
    assert.equal(bad, [
      [2, "a\nb", 'invalid input syntax for type bigint: "a\nb"'],
      [3, "[3]", "not a JSON object: `{` is expected at column 1"],
      [5, '{"id":5', "not a JSON object: the line ends where `,` or `}` is expected at column 8"],
      [6, '{"id":6,"id":6}', 'the key "id" comes twice'],
      [7, '{"id":"é\\x00', "not a JSON object: a text without an end at column 7"],
    ]);
  }
});

test("the same file again changes nothing, whatever kind it is", async () => {
  const types = { id: "BIGINT", name: "TEXT" } as const;
  assert.is((await loadParquet("SELECT 1 AS id, 'a' AS name", types)).rowsWritten, 1);
  assert.is((await loadParquet("SELECT 1 AS id, 'a' AS name", types)).unchanged, true);
});

test("a load that reads another number of rows than was staged fails before its commit, with both numbers", async () => {
  const fields = fieldsOf({ id: "BIGINT" });
  const file = await ndjson('{"id":1}\n{"id":2}\n', fields);
  const error = await rejects(
    database.load({ fields, files: [{ ...file, rows: 3 }] }),
    /read 2 rows, and 3 were counted when they were staged/,
  );
  assert.instance(error, UserError);
  assert.equal(await database.rows("SELECT count(*)::int FROM trips"), [[0]]);
});

test.run();
