import { test } from "uvu";
import * as assert from "uvu/assert";
import { cellCheckOf } from "../../src/load/cells.ts";
import type { FieldType } from "../../src/scrape/model.ts";
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

interface Values {
  readonly type: FieldType["name"];
  /** What is loaded, and as what. */
  readonly taken: Readonly<Record<string, string>>;
  readonly bad: readonly string[];
}

const notNumbers = ["0x1F", "0b11", "0o7", "1_000", "1,000", "", "x", "--1", "1 2", "NaN", "nan(1)", "inf", "-Infinity", "0x1p4", "\u0661"];
const words = ["now", "today", "tomorrow", "yesterday", "epoch", "infinity", "-infinity", "allballs", "TODAY", " now ", "now()", "NULL"];
const notDays = [
  ...["2023.002", "2023002", "J2451187", "230131", "23-01-31", "31-01-2023", "01/31/2023", "Jan 31 2023", "2023-Jan-31", "31 January 2023"],
  ...[
    "2023-01-31 BC",
    "0044-03-15 BC",
    "12023-01-31",
    "-2023-01-31",
    "+2023-01-31",
    "2023-02-30",
    "2023-13-01",
    "0000-01-01",
    "2023-W05-2",
    "Tuesday 2023-01-31",
  ],
  ...["2023-01", "2023", "20230230", "y2023m01d31", "2023-031"],
];
const notMoments = [
  ...[
    "2023-01-31 24:00:00",
    "2023-01-31 23:59:60",
    "2023-01-31 23:60:00",
    "2023-01-31 25:00",
    "2023-01-31 03:04:05 AM",
    "2023-01-31 03:04 PM",
  ],
  ...[
    "2023-01-31 03:04:05,678",
    "2023-01-31 030405",
    "2023-01-31 T 03:04:05",
    "2023-01-31 3h",
    "03:04:05 2023-01-31",
    "03:04:05",
    "2023-01-31 03:04:05.",
    "2023-01-31 03",
  ],
];

const cases: readonly Values[] = [
  {
    type: "INTEGER",
    taken: { "1": "1", "-12": "-12", "+3": "3", "007": "7", " 5\t": "5" },
    bad: [...notNumbers, "1.0", "1e3", "2147483648"],
  },
  { type: "BIGINT", taken: { "9007199254740993": "9007199254740993" }, bad: [...notNumbers, "1.0", "9223372036854775808"] },
  {
    type: "NUMERIC",
    taken: { "1.50": "1.50", ".5": "0.5", "5.": "5", "-1e3": "-1000", "1E-2": "0.01", " 5 ": "5" },
    bad: [...notNumbers, ".", "1e", "e1", "1.2.3", "$1", "1%"],
  },
  {
    type: "FLOAT",
    taken: { "1.5": "1.5", ".5": "0.5", "5.": "5", "-1e3": "-1000", "1e-7": "1e-07" },
    bad: [...notNumbers, ".", "1e", "1e999"],
  },
  {
    type: "BOOLEAN",
    taken: { true: "true", F: "false", YES: "true", n: "false", On: "true", off: "false", "1": "true", "0": "false" },
    bad: ["tr", "fals", "ye", "of", "2", "-1", "null", "", "01"],
  },
  {
    type: "DATE",
    taken: {
      "2023-01-31": "2023-01-31",
      "2023/1/31": "2023-01-31",
      "20230131": "2023-01-31",
      "0023-01-02": "0023-01-02",
      "2023-01-31 00:00:00": "2023-01-31",
    },
    bad: [
      ...words,
      ...notDays,
      ...notMoments,
      "2023-01-31 03:04:05",
      "2023-01-31T23:59:59+05:00",
      "2023-01-31+05:00",
      "2023-01-31 00:00:00Z",
      "2023-01-31Z",
    ],
  },
  {
    type: "TIMESTAMP",
    taken: {
      "2023-01-31": "2023-01-31 00:00:00",
      "2023-01-31 03:04:05": "2023-01-31 03:04:05",
      "2023-01-31T03:04:05.678901": "2023-01-31 03:04:05.678901",
      "2023-01-31 3:04": "2023-01-31 03:04:00",
      "20230131 03:04:05": "2023-01-31 03:04:05",
    },
    bad: [
      ...[...words, ...notDays, ...notMoments, ...notDays.map((day) => `${day} 03:04:05`)],
      ...["+05:00", "-05", "Z", " UTC", " America/New_York", "+0530", " EST", "z", " +05:00", " PST8PDT"].map(
        (zone) => `2023-01-31 03:04:05${zone}`,
      ),
    ],
  },
  {
    type: "TIMESTAMPTZ",
    taken: {
      "2023-01-31T03:04:05Z": "2023-01-31 03:04:05+00",
      "2023-01-31 03:04:05+05:00": "2023-01-30 22:04:05+00",
      "2023-01-31 03:04:05.5 -0530": "2023-01-31 08:34:05.5+00",
      "2023-01-31 03:04:05 UTC": "2023-01-31 03:04:05+00",
      "2023-01-31 03:04:05 America/New_York": "2023-01-31 08:04:05+00",
      "2023-01-31 03:04": "2023-01-31 03:04:00+00",
      "2023-01-31": "2023-01-31 00:00:00+00",
    },
    bad: [
      ...words,
      ...notDays,
      ...notMoments,
      "2023-01-31 03:04:05 IST",
      "2023-01-31 03:04:05 EST",
      "2023-01-31 24:00:00Z",
      "2023-01-31 03:04:05 Nowhere/Here",
      "2023-01-31 03:04:05+25:00",
    ],
  },
];

for (const { type, taken, bad } of cases) {
  test(`${type} takes texts of its form, quoted or not, and no others that PostgreSQL would read as something`, async () => {
    const good = Object.keys(taken);
    const values = [...good, ...good, ...bad];
    const rows = values.map((value, line) => `${line},${line < good.length && !value.includes(",") ? value : `"${value}"`}\n`);
    const result = await database.load({
      fields: fieldsOf({ id: "INTEGER", value: type }),
      files: [csvFile(`id,value\n${rows.join("")}`)],
      maxBadRows: 999,
    });
    await database.admin.query("SET timezone = 'UTC'");
    assert.equal(
      (await database.rows("SELECT value::text FROM trips ORDER BY id")).flat(),
      [...good, ...good].map((text) => taken[text]),
    );
    const told = (await database.rows("SELECT value FROM dagline.quarantine ORDER BY line")).flat();
    assert.equal(told, [...bad]);
    assert.equal([result.rowsRead, result.rowsWritten, result.rowsQuarantined], [values.length, good.length * 2, bad.length]);
  });

  test(`each value that is no ${type} is a bad row by itself`, () => {
    // Only PostgreSQL knows the calendar, how large a number may be, and the zones.
    const byPostgres = /^(2147483648|9223372036854775808|1e999|2023-02-30|20230230|2023-13-01|0000-01-01)|Nowhere|\+25:00/;
    const check = cellCheckOf({ name: type, precision: null, scale: null, length: 1 } as FieldType);
    const wrong = bad.filter((value) => !byPostgres.test(value) && check?.(Buffer.from(value), 0, Buffer.byteLength(value)) !== false);
    assert.equal(wrong, []);
  });
}

test("what is wrong is told in plain words", async () => {
  const fields = fieldsOf({ n: "INTEGER", x: "NUMERIC", d: "DATE", t: "TIMESTAMP", z: "TIMESTAMPTZ", b: "BOOLEAN" });
  const text = "n,x,d,t,z,b\n0x1F,nan(1),today,2023-07-01 12:00:00+02:00,now,tr\n1_000,0x1F,2023-01-02T23:59:59,infinity,epoch,of\n";
  await database.load({ fields, files: [csvFile(text)], maxBadRows: 2 });
  const reasons = (await database.rows(`SELECT "column" || ': ' || reason FROM dagline.quarantine ORDER BY line, "column"`)).flat();
  assert.equal(reasons, [
    "b: neither true nor false (tr)",
    "d: not a date such as 2023-01-31 (today)",
    "n: not a whole number in decimal digits (0x1F)",
    "t: a time zone in a TIMESTAMP: make the field a TIMESTAMPTZ, or leave the zone out (2023-07-01 12:00:00+02:00)",
    'x: invalid input syntax for type numeric: "nan(1)"',
    "z: not a timestamp such as 2023-01-31T03:04:05+00:00 (now)",
    "b: neither true nor false (of)",
    "d: a time of day in a DATE (2023-01-02T23:59:59)",
    "n: not a whole number in decimal digits (1_000)",
    "t: not a timestamp such as 2023-01-31 03:04:05 (infinity)",
    "x: not a number in decimal digits (0x1F)",
    "z: not a timestamp such as 2023-01-31T03:04:05+00:00 (epoch)",
  ]);
});

test.run();
