import { Readable } from "node:stream";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { UserError } from "../../src/errors.ts";
import { sha256 } from "../../src/ids.ts";
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

test("a file that is no CSV is refused with its line", async () => {
  await rejects(
    database.load({ files: [csvFile("id,name\n1,a\n2,b,c\n")] }),
    /rows.csv:3: not readable as CSV: extra data after last expected column/,
  );
  await rejects(database.load({ files: [csvFile("id,name\n1,a\n2\n")] }), /rows.csv:3: not readable as CSV: missing data for column/);
  await rejects(database.load({ files: [csvFile('id,name\n1,"a\n2,b\n')] }), /not readable as CSV: unterminated CSV quoted field/);
  const latin1 = Buffer.from("id,name\n1,caf\u00e9\n", "latin1");
  const file = { ...csvFile(""), sha256: sha256(latin1), open: async () => Readable.from([latin1]) };
  await rejects(database.load({ files: [file] }), /rows.csv:2: not readable as CSV: invalid byte sequence for encoding "UTF8"/);
});

test.run();
