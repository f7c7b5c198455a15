import { test } from "uvu";
import * as assert from "uvu/assert";
import { readCsvValues } from "../../src/tables/csv-values.ts";
import { ndjsonAsCsv } from "../../src/tables/ndjson-csv.ts";
import { rejects } from "../rejects.ts";

async function read(text: string | Buffer, columns: readonly string[] = ["a", "b"], size = 7): Promise<(string | null)[][]> {
  const bytes = Buffer.from(text as string);
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) => bytes.subarray(n * size, (n + 1) * size));
  const [, ...rows] = await readCsvValues(ndjsonAsCsv(from(pieces), "rows.ndjson", columns));
  return rows;
}

async function* from(pieces: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* pieces;
}

test("a key that is missing is null, and the empty text is a text; keys come in any order", async () => {
  assert.equal(await read('{"b":"","a":null}\n\n{}\r\n{"a":"x"}'), [
    [null, ""],
    [null, null],
    ["x", null],
  ]);
});

test("numbers keep their digits, whatever their size", async () => {
  for (const number of ["9007199254740993", "-0", "1.0", "0.1234567890123456789012", "1e400", "1.5E-7", "123456789012345678901234567890"]) {
    assert.equal(await read(`{"a":${number}}\n`, ["a"]), [[number]]);
  }
});

test("true and false are words, and nested values the JSON that they were", async () => {
  assert.equal(await read('{"a":true,"b":{"x": [1.0, "},\\""], "y":null}}\n{"b":[],"a":false}\n'), [
    ["true", '{"x": [1.0, "},\\""], "y":null}'],
    ["false", "[]"],
  ]);
});

test("texts are decoded: escapes, quotes, line ends, characters of any plane", async () => {
  const texts = ['say "hi", then', "two\nlines\r\n", "back\\slash\\", "é€😀", "\u2028", "tab\t", "\\.", "\u0000"];
  const lines = texts.map((text) => `{"a":${JSON.stringify(text)}}\n`).join("");
  assert.equal((await read(lines, ["a"])).flat(), texts);
  assert.equal(await read('{"\\u0061":"\\ud83d\\ude00 \\u00e9 \\/ é"}\n', ["a"]), [["😀 é / é"]]);
});

test("bytes that are no UTF-8, and half a character, reach the load as bytes that are no UTF-8", async () => {
  const rows = ndjsonAsCsv(from([Buffer.from('{"a":"\xe9","b":"\\ud800"}\n', "latin1")]), "rows.ndjson", ["a", "b"]);
  let bytes = Buffer.alloc(0);
  for await (const piece of rows) bytes = Buffer.concat([bytes, piece]);
  assert.is(bytes.toString("latin1"), '"a","b"\n"\xe9","\xed\xa0\x80"\n');
});

test("a key that is no field is an error with its line", async () => {
  await rejects(read('{"a":1}\n\n{"a":1,"bb":2}\n'), /^rows\.ndjson:3: the fields lack "bb" \(nearest: "b"\)$/);
});

test("a line that is no JSON object becomes a row of its number, the problem and its text, with two values too many", async () => {
  for (const [line, problem] of [
    ["[1]", "`{` is expected at column 1"],
    ['{"a":}', "a value is expected at column 6"],
    ['{"a":01}', "a value is expected at column 6"],
    ['{"a":NaN}', "a value is expected at column 6"],
    ['{"a":1', "the line ends where `,` or `}` is expected at column 7"],
    ['{"a":1,}', "a key in quotes is expected at column 8"],
    ['{"a" 1}', "`:` is expected at column 6"],
    ['{"a":"x}', "a text without an end at column 6"],
    ['{"a":[1', "a list or object without an end at column 6"],
    ['{"a":"\\x"}', "\\x is no escape at column 7"],
    ['{"a":1}{"a":2}', "text after the object at column 8"],
    ['{"a":"é" "b"', "`,` or `}` is expected at column 11"],
  ] as const) {
    assert.equal(await read(`{"a":0}\n\n${line}\n{"b":2}\n`), [
      ["0", null],
      ["3", `not a JSON object: ${problem}`, line, null],
      [null, "2"],
    ]);
  }
  assert.match((await read('{"a":[1,]}\n'))[0]?.[1] ?? "", /^not a JSON object: .*JSON/);
  assert.equal(await read('{"a":1,"a":2}\n', ["a"]), [["1", 'the key "a" comes twice', '{"a":1,"a":2}']]);
});

test("a row of any length is read", async () => {
  const long = "x".repeat(5_000_000);
  assert.equal(await read(`{"a":"${long}"}\n{"a":"y"}`, ["a"], 65_536), [[long], ["y"]]);
});

test.run();
