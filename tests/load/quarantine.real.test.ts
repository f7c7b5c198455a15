import { Readable } from "node:stream";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { UserError } from "../../src/errors.ts";
import { sha256 } from "../../src/ids.ts";
import { rejects } from "../rejects.ts";
import { bytesFile, csvFile, fieldsOf, TestDatabase } from "./fixture.ts";

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

const fields = fieldsOf({
  id: "INTEGER",
  note: "TEXT",
  day: "DATE",
  fare: { name: "NUMERIC", precision: 4, scale: 2 },
  code: { name: "VARCHAR", length: 2 },
});
// The second record takes three lines, so the bad ones stand in lines 6 and 7.
const mixed = `id,day,fare,code,note
1,2023-01-01,1.50,ab,fine
2,2023-01-02,2.5,cd,"two
line
ends"
3,2023-02-30,3.5,ef,no such day
x,2023-01-04,12345,ghi,three faults
,,,,
6,2023-01-06,6,ij,last
`;

test("good rows load, bad ones are kept with file, line, column, value and reason", async () => {
  const other = csvFile("id,note,day,fare,code\n7,,,,\n8,,yesterday-ish,,\n", "other.csv");
  const result = await database.load({ fields, files: [csvFile(mixed, "mixed.csv"), other], maxBadRows: 3 });
  assert.is(result.rowsRead, 8);
  assert.is(result.rowsWritten, 5);
  assert.is(result.rowsQuarantined, 3);
  assert.equal(await database.rows("SELECT id FROM trips ORDER BY id"), [[1], [2], [6], [7], [null]]);
  assert.equal(
    await database.rows(`SELECT file, line::int, "column", value, reason FROM dagline.quarantine ORDER BY file, line, "column"`),
    [
      ["mixed.csv", 6, "day", "2023-02-30", 'date/time field value out of range: "2023-02-30"'],
      ["mixed.csv", 7, "code", "ghi", "value too long for type character varying(2)"],
      ["mixed.csv", 7, "fare", "12345", "numeric field overflow"],
      ["mixed.csv", 7, "id", "x", 'invalid input syntax for type integer: "x"'],
      ["other.csv", 3, "day", "yesterday-ish", 'invalid input syntax for type date: "yesterday-ish"'],
    ],
  );
  assert.equal(await database.rows("SELECT rows_read, rows_written, rows_quarantined FROM dagline.ledger"), [["8", "5", "3"]]);
  assert.is((await database.load({ fields, files: [csvFile(mixed, "mixed.csv"), other], maxBadRows: 3 })).unchanged, true);
});

test("one bad row more than tolerated: nothing is loaded, the bad rows are kept, and the first ones are told", async () => {
  await database.load({ fields, files: [csvFile("id,day,fare,code,note\n0,,,,\n")] });
  const error = await rejects(database.load({ fields, files: [csvFile(mixed)], maxBadRows: 1 }));
  assert.instance(error, UserError);
  assert.match(
    error.message,
    "2 rows do not fit table `trips`, and 1 are tolerated:\n  rows.csv:6 day: date/time field value out of range",
  );
  assert.equal(await database.rows("SELECT id FROM trips"), [[0]]);
  assert.equal(await database.rows("SELECT count(*)::int FROM dagline.quarantine"), [[4]]);
  assert.equal(await database.rows("SELECT rows_read FROM dagline.ledger"), [["1"]]);
});

test("once the file is corrected, its quarantine is empty again", async () => {
  await rejects(database.load({ fields, files: [csvFile(mixed)] }));
  await database.load({ fields, files: [csvFile("id,day,fare,code,note\n1,,,,\n")] });
  assert.equal(await database.rows("SELECT count(*)::int FROM dagline.quarantine"), [[0]]);
});

test("replace and upsert take the good rows, too", async () => {
  await database.load({ fields, files: [csvFile(mixed)], maxBadRows: 9, mode: { kind: "replace" } });
  assert.equal(await database.rows("SELECT count(*)::int FROM trips"), [[4]]);
  const noNull = mixed.replace(",,,,\n", "");
  await database.admin.query("TRUNCATE trips");
  const result = await database.load({
    fields,
    files: [csvFile(noNull)],
    maxBadRows: 9,
    mode: { kind: "upsert", key: ["id"] },
    runId: "2",
  });
  assert.is(result.rowsWritten, 3);
});

test("of very many bad rows a part is kept, and all are counted", async () => {
  const rows = Array.from({ length: 5000 }, (_, index) => `no${index},a\n`).join("");
  const error = await rejects(database.load({ files: [csvFile(`id,name\n${rows}`)] }));
  assert.match(error.message, "5000 rows do not fit");
  assert.equal(await database.rows("SELECT count(*)::int FROM dagline.quarantine"), [[1000]]);
});

test("rows with too many or too few values are kept whole, with line and numbers; the others load as they are", async () => {
  const text = `note,id,day
"a ""b"", c",1,2023-01-01
"two
lines",2,2023-01-02,x
"",3,
é,4

,5,2023-02-30
"",6,2023-01-06`;
  for (const lineEnd of ["\n", "\r\n", "\r"]) {
    const whole = Buffer.from(text.replaceAll("\n", lineEnd));
    const bytes = async () => Readable.from([...whole].map((byte) => Buffer.from([byte])));
    const file = { key: "rows.csv", sha256: sha256(whole), rows: null, open: bytes };
    const three = fieldsOf({ id: "INTEGER", note: "TEXT", day: "DATE" });
    const result = await database.load({ fields: three, files: [file], maxBadRows: 4, mode: { kind: "replace" } });
    assert.equal([result.rowsRead, result.rowsWritten, result.rowsQuarantined], [7, 3, 4], JSON.stringify(lineEnd));
    assert.equal(await database.rows("SELECT id, note, day::text FROM trips ORDER BY id"), [
      [1, 'a "b", c', "2023-01-01"],
      [3, "", null],
      [6, "", "2023-01-06"],
    ]);
    assert.equal(await database.rows(`SELECT line::int, "column", value, reason FROM dagline.quarantine ORDER BY line`), [
      [3, null, `"two${lineEnd}lines",2,2023-01-02,x`, "4 values, 3 columns are expected"],
      [6, null, "é,4", "2 values, 3 columns are expected"],
      [7, null, "", "an empty line, 3 columns are expected"],
      [8, "day", "2023-02-30", 'date/time field value out of range: "2023-02-30"'],
    ]);
    await database.admin.query("DROP TABLE trips; DROP SCHEMA dagline CASCADE");
  }
});

test("a row with a value too many fails the load with its line and both numbers, unless it is tolerated", async () => {
  const extra = csvFile("id,name\n1,a\n2,b,c\n");
  const error = await rejects(database.load({ files: [extra] }));
  assert.instance(error, UserError);
  assert.is(error.message, "1 row does not fit table `trips`, and none is tolerated:\n  rows.csv:3: 3 values, 2 columns are expected");
  assert.equal(await database.rows("SELECT count(*)::int FROM trips"), [[0]]);
  assert.equal(await database.rows("SELECT line::int, value FROM dagline.quarantine"), [[3, "2,b,c"]]);
  await rejects(database.load({ files: [csvFile("id,name\n1,a\n2\n")] }), /rows.csv:3: 1 value, 2 columns are expected/);
  assert.is((await database.load({ files: [extra], maxBadRows: 1 })).rowsWritten, 1);
  const upsert = await database.load({ files: [extra], maxBadRows: 1, mode: { kind: "upsert", key: ["id"] }, runId: "2" });
  assert.equal([upsert.rowsRead, upsert.rowsWritten, upsert.rowsQuarantined], [2, 0, 1]);
});

test("NaN and Infinity are no numbers, however they are written; as text they are text", async () => {
  const three = fieldsOf({ id: "NUMERIC", fare: "FLOAT", note: "TEXT" });
  const text = `note,id,fare\nnan,1,1.5\nInfinity,NaN,1\n,3,-inf\n,4, "nAn" \n,5,"NAN"\n,6,"\t+InFinity"\nok,7,"7"\n`;
  for (const mode of [{ kind: "append", slice: null }, { kind: "replace" }, { kind: "upsert", key: ["id"] }] as const) {
    const load = { fields: three, files: [csvFile(text)], mode, maxBadRows: 5, runId: mode.kind };
    const error = await rejects(database.load({ ...load, maxBadRows: 4 }));
    assert.match(error.message, "5 rows do not fit table `trips`, and 4 are tolerated:\n  rows.csv:3 id: not a number (NaN)\n");
    assert.is((await database.load(load)).rowsWritten, 2);
    assert.equal(await database.rows("SELECT id::int, fare, note FROM trips ORDER BY id"), [
      [1, 1.5, "nan"],
      [7, 7, "ok"],
    ]);
    assert.equal(await database.rows(`SELECT line::int, "column", value, reason FROM dagline.quarantine ORDER BY line`), [
      [3, "id", "NaN", "not a number (NaN)"],
      [4, "fare", "-inf", "not a finite number (-inf)"],
      [5, "fare", " nAn ", "not a number (NaN)"],
      [6, "fare", "NAN", "not a number (NaN)"],
      [7, "fare", "\t+InFinity", "not a finite number (\t+InFinity)"],
    ]);
    await database.admin.query("DROP TABLE trips; DROP SCHEMA dagline CASCADE");
  }
});

test("each NaN alone, wherever the file is cut and wherever it stands, makes its row a bad one", async () => {
  const one = fieldsOf({ id: "FLOAT", name: "TEXT" });
  for (const text of [
    "name,id\na,NaN",
    "id,name\nnan,a\n1,b\n",
    'name,id\r\na,"INF"\r\n',
    "id,name\n1,a\n -infinity ,b\n",
    "id,name\n1,Nancy\nNaN,nan\n",
    `id,name\n${"1,Fernando\n".repeat(9)}-inf,b`,
  ]) {
    const file = { ...csvFile(text), open: async () => Readable.from([...text].map((character) => Buffer.from(character))) };
    assert.match((await rejects(database.load({ fields: one, files: [file] }))).message, "1 row does not fit", text);
    assert.equal(await database.rows("SELECT count(*)::int FROM trips"), [[0]]);
  }
});

test("a quote that is never closed is refused with its line, also when rows before it are bad", async () => {
  for (const before of ["1,a\n", "x,a\n", "1,2,3\n", "99999999999,a\n"]) {
    await rejects(
      database.load({ files: [csvFile(`id,name\n${before}1,"a\n2,b\n`)], maxBadRows: 9 }),
      /rows.csv:3: not readable as CSV: unterminated CSV quoted field/,
    );
  }
});

test("a line end of another kind than the header's makes a bad row", async () => {
  await rejects(database.load({ files: [csvFile("id,name\n1,a\rb\n2,c\n")] }), /rows.csv:2: a line end of another kind than the header's/);
});

test("bytes that are no text make a bad row, with line, column, a readable value and the byte", async () => {
  const rows = [
    ["1,", Buffer.from("caf\u00e9", "latin1")],
    ['2,"a\0b"', Buffer.alloc(0)],
    ["3,\u00e9", Buffer.alloc(0)],
    ["4,", Buffer.from([0xed, 0xa0, 0x80])],
    ["\0", Buffer.from(",5")],
    ["6,7,", Buffer.from([0xff])],
  ] as const;
  const bytes = Buffer.concat([
    Buffer.from("id,name\n"),
    ...rows.map(([text, end]) => Buffer.concat([Buffer.from(text), end, Buffer.from("\n")])),
  ]);
  const load = { files: [bytesFile(bytes)], maxBadRows: 5 };
  const error = await rejects(database.load({ ...load, maxBadRows: 4 }));
  assert.match(
    error.message,
    "5 rows do not fit table `trips`, and 4 are tolerated:\n  rows.csv:2 name: not UTF-8: byte 4 of the value is 0xE9",
  );
  const result = await database.load(load);
  assert.equal([result.rowsRead, result.rowsWritten, result.rowsQuarantined], [6, 1, 5]);
  assert.equal(await database.rows("SELECT id, name FROM trips"), [[3, "é"]]);
  assert.equal(await database.rows(`SELECT line::int, "column", value, reason FROM dagline.quarantine ORDER BY line`), [
    [2, "name", "caf\\xE9", "not UTF-8: byte 4 of the value is 0xE9"],
    [3, "name", "a\\x00b", "a NUL byte (0x00), which no text may hold"],
    [5, "name", "\\xED\\xA0\\x80", "not UTF-8: byte 1 of the value is 0xED"],
    [6, "id", "\\x00", "a NUL byte (0x00), which no text may hold"],
    [7, null, "6,7,\\xFF", "3 values, 2 columns are expected"],
  ]);
});

test("a line `\\.` is a value or a bad row, never the end of the file", async () => {
  for (const lineEnd of ["\n", "\r\n", "\r"]) {
    for (const mode of [{ kind: "replace" }, { kind: "upsert", key: ["path"] }] as const) {
      const load = { mode, fields: fieldsOf({ path: "TEXT" }) };
      for (const [text, values] of [
        ["path\n/a\n\\.\n/b\n", ["/a", "/b", "\\."]],
        ["path\n\\.\n", ["\\."]],
        ["path\n/a\n\\.", ["/a", "\\."]],
        ['path\n"\\."\n/b\n', ["/b", "\\."]],
      ] as const) {
        const result = await database.load({ ...load, files: [csvFile(text.replaceAll("\n", lineEnd))] });
        assert.is(result.rowsRead, values.length);
        assert.equal((await database.rows(`SELECT path FROM trips ORDER BY path COLLATE "C"`)).flat(), [...values]);
        await database.admin.query("TRUNCATE trips, dagline.ledger");
      }
    }
    const stray = csvFile("id,name\n1,a\n\\.\n2,b\n3,c\n".replaceAll("\n", lineEnd));
    await rejects(database.load({ files: [stray] }), /rows.csv:3: 1 value, 2 columns are expected/);
    const result = await database.load({ files: [stray], maxBadRows: 1 });
    assert.equal([result.rowsRead, result.rowsWritten, result.rowsQuarantined], [4, 3, 1]);
    await database.admin.query("DROP TABLE trips; DROP SCHEMA dagline CASCADE");
  }
  const within = csvFile('id,name\n1,"a\n\\.\nb"\n2,c\n');
  await database.load({ files: [within] });
  assert.equal(await database.rows("SELECT id, name FROM trips ORDER BY id"), [
    [1, "a\n\\.\nb"],
    [2, "c"],
  ]);
});

test("a row that only PostgreSQL can refuse makes no other row of a large file a bad one", async () => {
  const note = "x".repeat(250);
  const rows = Array.from({ length: 9000 }, (_, id) => `${id},2023-02-${id % 3000 === 7 ? "30" : "28"},${note}`);
  const fields = fieldsOf({ id: "INTEGER", day: "DATE", note: "TEXT" });
  for (const mode of [{ kind: "replace" }, { kind: "upsert", key: ["id"] }] as const) {
    const load = { fields, mode, runId: mode.kind, files: [csvFile(`id,day,note\n${rows.join("\n")}`)], maxBadRows: 3 };
    const result = await database.load(load);
    assert.equal([result.rowsRead, result.rowsWritten, result.rowsQuarantined], [9000, 8997, 3]);
    assert.equal(await database.rows("SELECT count(*)::int, count(DISTINCT id)::int FROM trips"), [[8997, 8997]]);
    assert.equal(await database.rows("SELECT line::int FROM dagline.quarantine ORDER BY line"), [[9], [3009], [6009]]);
    assert.is((await database.load(load)).unchanged, true);
    await database.admin.query("DROP TABLE trips; DROP SCHEMA dagline CASCADE");
  }
});

test("a value of 5 MB loads beside a bad row, as it does without", async () => {
  const large = "x".repeat(5 * 1024 * 1024);
  const result = await database.load({ files: [csvFile(`id,name\n1,a\n2,"${large}"\n99999999999,b\n3,c\n`)], maxBadRows: 1 });
  assert.equal([result.rowsWritten, result.rowsQuarantined], [3, 1]);
  assert.equal(await database.rows("SELECT id, length(name) FROM trips ORDER BY id"), [
    [1, 1],
    [2, large.length],
    [3, 1],
  ]);
});

test("a long row with a value too many is a bad row, told by its first characters", async () => {
  const large = "x".repeat(5 * 1024 * 1024);
  const result = await database.load({ files: [csvFile(`id,name\n1,${large},${large}\n${large},2\n3,c\n`)], maxBadRows: 2 });
  assert.equal([result.rowsWritten, result.rowsQuarantined], [1, 2]);
  assert.equal(await database.rows(`SELECT line::int, "column", length(value), left(reason, 30) FROM dagline.quarantine ORDER BY line`), [
    [2, null, 1000, "3 values, 2 columns are expect"],
    [3, "id", 1000, "invalid input syntax for type "],
  ]);
});

test("a refused re-run keeps the account of the bad rows of the load that is in the table", async () => {
  const load = { mode: { kind: "append", slice: "s" }, maxBadRows: 1 } as const;
  await database.load({ ...load, files: [csvFile("id,name\n1,a\nx,b\n")] });
  await rejects(database.load({ ...load, files: [csvFile("id,name\ny,a\nz,b\n")] }));
  await rejects(database.load({ ...load, files: [csvFile("id,name\nv,a\nw,b\n")] }));
  const account = "SELECT value, refused FROM dagline.quarantine ORDER BY value";
  assert.equal(await database.rows(account), [
    ["v", true],
    ["w", true],
    ["x", false],
  ]);
  assert.equal(await database.rows("SELECT id FROM trips"), [[1]]);
  await database.load({ ...load, files: [csvFile("id,name\n2,a\n")] });
  assert.equal(await database.rows(account), []);
});

test("an upsert that is refused for its keys keeps the account of its bad rows", async () => {
  const file = csvFile("id,name\n1,a\n1,b\nx,c\n");
  await rejects(database.load({ mode: { kind: "upsert", key: ["id"] }, maxBadRows: 1, files: [file] }), /have the same key/);
  assert.equal(await database.rows("SELECT line::int, value, refused FROM dagline.quarantine"), [[4, "x", true]]);
  assert.equal(await database.rows("SELECT count(*)::int FROM trips"), [[0]]);
});

test("rows that a trigger leaves out are not counted as written, and the log says so", async () => {
  await database.load({ files: [csvFile("id,name\n")] });
  await database.admin.query(`CREATE FUNCTION skip_two() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN CASE WHEN NEW.id = 2 THEN NULL ELSE NEW END; END $$;
    CREATE TRIGGER skip_two BEFORE INSERT ON trips FOR EACH ROW EXECUTE FUNCTION skip_two()`);
  const warnings: string[] = [];
  const result = await database.load({ files: [csvFile("id,name\n1,a\n2,b\nx,c\n")], maxBadRows: 1, runId: "2" }, warnings);
  assert.equal([result.rowsRead, result.rowsWritten, result.rowsQuarantined], [3, 1, 1]);
  assert.ok(warnings.includes("table trips: 1 of 2 rows were left out by its triggers (skip_two)"), warnings.join("\n"));
  await database.admin.query("DROP FUNCTION skip_two CASCADE");
});

test.run();
