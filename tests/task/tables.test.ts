import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { duckdbTables } from "../../src/services/duckdb.ts";
import { duckdbText } from "../../src/tables/csv-dialect.ts";
import type { TableDescription } from "../../src/tables/describe.ts";

const dir = mkdtempSync(join(tmpdir(), "dagline-tables-test-"));
const writer = await (await DuckDBInstance.create(":memory:", { threads: "1" })).connect();
test.after(() => {
  writer.closeSync();
  rmSync(dir, { recursive: true });
});

async function describe(content: string | Buffer, extension = "csv"): Promise<TableDescription | null> {
  const path = join(dir, `rows.${extension}`);
  writeFileSync(path, content);
  return duckdbTables.describe(path, extension, { digest: true, temporary: join(dir, "spill") });
}

async function describeParquet(query: string): Promise<TableDescription | null> {
  const path = join(dir, "rows.parquet");
  await writer.run(`COPY (${query}) TO ${duckdbText(path)} (FORMAT parquet)`);
  return duckdbTables.describe(path, "parquet", { digest: true, temporary: join(dir, "spill") });
}

function assertAllDiffer(found: readonly (TableDescription | null)[]): void {
  assert.ok(found.every((one) => typeof one?.digest === "string"));
  assert.is(new Set(found.map((one) => one?.digest)).size, found.length, JSON.stringify(found));
}

test("the digest is the same for the same rows in any order", async () => {
  const one = await describe("a,b\n1,x\n2,y\n2,y\n");
  assert.is(one?.rows, 3);
  assert.equal(await describe("a,b\n2,y\n1,x\n2,y\n"), one);
  assert.equal(await describe('"a","b"\r\n"2","y"\r\n2,y\r\n1,x\r\n'), one, "quotes and line ends are no rows");
  assert.equal(await describe('\uFEFFa,b\r2,y\r1,"x"\r2,"y"'), one);
  assert.equal(
    await describe('{"a":1}\n{"a":2}\n\n{"a":2}', "ndjson"),
    await describe('\uFEFF{"a":2}\r\n{"a":2}\r\n{"a":1}\r\n', "jsonl"),
    "line ends and blank lines are no rows",
  );
  assert.equal(
    await describeParquet("SELECT i FROM range(3000) t(i)"),
    await describeParquet("SELECT i FROM range(3000) t(i) ORDER BY i DESC"),
  );
});

test("the digest tells CSV rows apart that differ in any way", async () => {
  const texts = [
    "a,b\n1,x\n2,y\n",
    "a,b\n1,x\n2,y\n2,y\n",
    "a,b\n1,y\n2,x\n",
    "b,a\n1,x\n2,y\n",
    "a,b\n1,x\n2,Y\n",
    "a,b\n01,x\n2,y\n",
    "a,b\n1,\n2,y\n",
    'a,b\n1,""\n2,y\n',
    "a,b\n1x,\n2,y\n",
    'a,b\n"1,x"\n2,y\n',
    'a,b\n"1,x",\n2,y\n',
    'a,b\n1,"x\n2",y\n',
    'a,b\n1,"x\r\n2",y\n',
    'a,b\n1,"x"""\n2,y\n',
    'a,b\n1,"x""e"\n2,y\n',
    'a,b\n1,"x"",e"\n2,y\n',
    "a,b\n1, x\n2,y\n",
    "a,b\n1,x\n\n2,y\n",
    "a,b\n",
  ];
  const found: (TableDescription | null)[] = [];
  for (const text of texts) found.push(await describe(text));
  assertAllDiffer(found);
});

test("a row that begins with # is a row", async () => {
  const first = await describe("id,name\n1,a\n2,b\n#3,c\n");
  const second = await describe("id,name\n1,a\n2,b\n#3,changed\n");
  assert.equal([first?.rows, second?.rows], [3, 3]);
  assertAllDiffer([first, second]);
});

test("an empty line is a row, as a load reads it", async () => {
  assert.is((await describe("path\n/a\n\n/b\n"))?.rows, 3);
  assert.is((await describe("path\n/a\n\\.\n/b"))?.rows, 3);
});

test("CSV is read the same wherever its bytes are cut", async () => {
  const { describeCsv } = await import("../../src/tables/describe.ts");
  const text = '\uFEFF"a",b\r\n"",x\r\n,"y,""z"""\r\n1"2",\r\n"p\r\nq",""\r\n\r\nlast,"line"';
  const whole = await describeCsv(chunks(text, text.length), true);
  assert.is(whole.rows, 6);
  for (const size of [1, 2, 3, 5, 7, 11]) assert.equal(await describeCsv(chunks(text, size), true), whole, `in pieces of ${size}`);
});

test("the digest tells JSON rows apart by their text", async () => {
  const rows = [
    '{"a":1}',
    '{"a":1.0}',
    '{"a":"1"}',
    '{"a":null}',
    "{}",
    '{"a":true}',
    '{"a":"true"}',
    '{"a":[1]}',
    '{"a":["1"]}',
    '{"a":"[1]"}',
  ];
  const numbers = [
    '{"a":9007199254740993}',
    '{"a":9007199254740992}',
    '{"a":1e2}',
    '{"a":100}',
    '{"a":-0.0}',
    '{"a":0.0}',
    '{"a":0.1}',
    '{"a":0.10}',
  ];
  const others = [
    '{"a":1,"b":2}',
    '{"b":2,"a":1}',
    '{"a":"2020-01-01"}',
    '{"a":"2020-01-01 00:00:00"}',
    '{"a":""}',
    '{"b":1}',
    '{"a":{"b":null}}',
    '{"a":{}}',
  ];
  const found: (TableDescription | null)[] = [];
  for (const row of [...rows, ...numbers, ...others]) found.push(await describe(`${row}\n`, "ndjson"));
  assertAllDiffer(found);
});

test("the digest tells parquet rows apart by their exact values and types", async () => {
  const values = [
    ..."NULL::INTEGER|1::INTEGER|1::BIGINT|1.0::DOUBLE|'1'|NULL::VARCHAR|'NULL'|'null'|''|TRUE|'true'|1.0::DECIMAL(4,1)|1.00::DECIMAL(4,2)".split(
      "|",
    ),
    ..."0.0::DOUBLE|-0.0::DOUBLE|'nan'::DOUBLE|'inf'::DOUBLE|0.1::DOUBLE|0.1::FLOAT|0.30000000000000004::DOUBLE|0.3::DOUBLE".split("|"),
    ..."9007199254740993::BIGINT|9007199254740992::BIGINT|12345678901234567890.1::DECIMAL(38,1)|12345678901234567890.2::DECIMAL(38,1)".split(
      "|",
    ),
    ..."TIMESTAMP '2020-01-01'|TIMESTAMPTZ '2020-01-01'|DATE '2020-01-01'|TIMESTAMP '2020-01-01 00:00:00.000001'".split("|"),
    ..."TIMESTAMP_NS '2020-01-01 00:00:00.000000001'|TIMESTAMP_NS '2020-01-01 00:00:00.000000002'|TIME '00:00:00'".split("|"),
    ..."'\\x00'::BLOB|'\\xFF'::BLOB|''::BLOB|'a'::BLOB|'a'".split("|"),
    ..."[1]|[1,NULL]|[]::INTEGER[]|NULL::INTEGER[]|['1']|['a,b']|['a','b']|[NULL::VARCHAR]|['null']".split("|"),
    ..."{a:1}|{b:1}|{a:NULL::INTEGER}|NULL::STRUCT(a INTEGER)|{a:1.1::DECIMAL(3,1)}|{a:1.10::DECIMAL(3,2)}|{a:{b:'x'}}|{a:{b:'\\xFF'::BLOB}}".split(
      "|",
    ),
    ..."{a:12345678901234567.8::DECIMAL(38,1)}|{a:12345678901234567.9::DECIMAL(38,1)}|{a:-0.0::DOUBLE}|{a:0.0::DOUBLE}|{a:'nan'::DOUBLE}".split(
      "|",
    ),
    ..."MAP{1:'x'}|MAP{2:'x'}|MAP{1:NULL::VARCHAR}".split("|"),
  ];
  const found: (TableDescription | null)[] = [];
  for (const value of values) found.push(await describeParquet(`SELECT ${value} AS v`));
  found.push(
    await describeParquet("SELECT 1::INTEGER AS w"),
    await describeParquet("SELECT 'a' AS v, 'b,c' AS w"),
    await describeParquet("SELECT 'a,b' AS v, 'c' AS w"),
  );
  assertAllDiffer(found);
});

test("rows are counted and compared however long or wide they are", async () => {
  const cells = Array.from({ length: 1000 }, (_, n) => `c${n}`).join(",");
  const wide = `${cells}\n${`${cells}\n`.repeat(100)}`;
  const long = (row: string): string => `a,b\n${`1,"${row}"\n`.repeat(200)}`;
  const object = (size: number): string => `{"a":"${"x".repeat(size)}"}\n`;
  assert.is((await describe(wide))?.rows, 100);
  assertAllDiffer([await describe(long("x".repeat(60_000))), await describe(long(`${"x".repeat(59_999)}y`))]);
  assertAllDiffer([await describe(object(20_000_000), "ndjson"), await describe(object(20_000_001), "ndjson")]);
  const parquet = [
    await describeParquet("SELECT i, repeat('x', 30000000) || i AS a FROM range(6) t(i)"),
    await describeParquet(`SELECT ${Array.from({ length: 1000 }, (_, n) => `i + ${n} AS c${n}`).join(", ")} FROM range(300) t(i)`),
    await describeParquet("SELECT i, repeat(md5(i::VARCHAR), 600) AS a FROM range(3000) t(i)"),
  ];
  assert.equal(
    parquet.map((one) => one?.rows),
    [6, 300, 3000],
  );
  assertAllDiffer(parquet);
});

test("what can't be compared has a reason, never a wrong count", async () => {
  const nothing = async (content: string, extension = "csv"): Promise<string | null | undefined> => {
    const found = await describe(content, extension);
    assert.equal([found?.rows, found?.digest], [null, null]);
    return found?.problem;
  };
  assert.match(String(await nothing('a,b\n1,"x\n2,y\n')), "a quote is opened and never closed");
  assert.match(String(await nothing("a,b\n1,x\r\n2,y\n")), "line ends of several kinds");
  assert.match(String(await nothing("")), "not even a header");
  assert.match(String(await nothing("[\n1]\n", "ndjson")), "line 1 is not a JSON object");
  assert.match(String(await nothing("not parquet", "parquet")), "parquet");
});

test("a file that is no table is not described", async () => {
  assert.is(await describe("%PDF", "pdf"), null);
});

async function* chunks(text: string, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test.run();
