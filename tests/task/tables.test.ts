import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { duckdbTables } from "../../src/services/duckdb.ts";

const dir = mkdtempSync(join(tmpdir(), "dagline-tables-test-"));
test.after(() => rmSync(dir, { recursive: true }));

async function describe(text: string, extension = "csv") {
  const path = join(dir, `rows.${extension}`);
  writeFileSync(path, text);
  return duckdbTables.describe(path, extension, { digest: true, temporary: join(dir, "spill") });
}

test("the digest is the same for the same rows in any order", async () => {
  const one = await describe("a,b\n1,x\n2,y\n2,y\n");
  assert.is(one?.rows, 3);
  assert.equal(await describe("a,b\n2,y\n1,x\n2,y\n"), one);
  assert.equal(await describe('"a","b"\r\n"2","y"\r\n2,y\r\n1,x\r\n'), one, "quotes and line ends are no rows");
});

test("the digest tells rows apart that differ in any way", async () => {
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
    "a,b\n",
  ];
  const digests: unknown[] = [];
  for (const text of texts) digests.push((await describe(text))?.digest);
  assert.is(new Set(digests).size, texts.length, JSON.stringify(digests));
});

test("a file that is no table has no rows to count", async () => {
  assert.is(await describe("%PDF", "pdf"), null);
  assert.is(await describe("not parquet", "parquet"), null);
});

test.run();
