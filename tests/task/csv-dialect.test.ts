import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { root } from "../../local/paths.ts";
import { csvTable } from "../../src/tables/csv-dialect.ts";

const dir = mkdtempSync(join(tmpdir(), "dagline-dialect-test-"));
test.after(() => rmSync(dir, { recursive: true }));

test("no reader of CSV has options of its own", () => {
  const files = execFileSync("git", ["ls-files", "--", "src", "scrapes", "scripts", "local", "actions"], { cwd: root, encoding: "utf8" });
  const readers = files
    .split("\n")
    .filter((file) => /\.ts$/.test(file) && /read_csv|sniff_csv|FORMAT csv.*FROM/i.test(withoutComments(file)));
  assert.equal(readers, ["src/tables/csv-dialect.ts"]);
});

test("in DuckDB, too, every row is a row and every value its text", async () => {
  const file = join(dir, "o'hare.csv");
  const connection = await (await DuckDBInstance.create(":memory:", { threads: "1" })).connect();
  const read = async (text: string): Promise<unknown> => {
    writeFileSync(file, text);
    return (await connection.runAndReadAll(`SELECT * FROM ${csvTable(file)}`)).getRowsJson();
  };
  const hashes = Array.from({ length: 100 }, (_, n) => `#${n},x\n`).join("");
  assert.is(((await read(`a,b\n1,2\n${hashes}`)) as unknown[]).length, 101);
  assert.equal(await read('a,b\n"",\n,""\nNULL,NA\n007,2020-01-01\n'), [
    ["", null],
    [null, ""],
    ["NULL", "NA"],
    ["007", "2020-01-01"],
  ]);
  assert.equal(await read("a;b,c\n1;2, 3 \n"), [["1;2", " 3 "]]);
  assert.equal(await read("a\n1\n\n2\n"), [["1"], [null], ["2"]]);
  for (const refused of ["a,b\n1\n2,3\n", "a,b\n1,2,3\n", 'a,b\n1,"x\n', "a,b\n1,2\r\n3,4\n"]) {
    const error = await read(refused).then(
      (rows) => rows,
      (thrown: unknown) => thrown,
    );
    assert.instance(error, Error, JSON.stringify([refused, error]));
  }
  connection.closeSync();
});

function withoutComments(file: string): string {
  return readFileSync(join(root, file), "utf8").replaceAll(/\/\*[\s\S]*?\*\/|(?<=\s)\/\/.*/g, "");
}

test.run();
