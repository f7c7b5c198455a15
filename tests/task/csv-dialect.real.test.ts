import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { copyIn } from "../../src/services/postgres-copy.ts";
import { csvTable } from "../../src/tables/csv-dialect.ts";
import { readCsvValues } from "../../src/tables/csv-values.ts";
import { describeCsv } from "../../src/tables/describe.ts";
import { TestDatabase } from "../load/fixture.ts";
import { type Random, seeded } from "../time/random.ts";

type Rows = readonly (readonly (string | null)[])[];

let database: TestDatabase;
let duckdb: DuckDBConnection;
const dir = mkdtempSync(join(tmpdir(), "dagline-dialect-test-"));
test.before(async () => {
  database = await TestDatabase.start();
  duckdb = await (await DuckDBInstance.create(":memory:", { threads: "1" })).connect();
});
test.after(async () => {
  duckdb.closeSync();
  await database.stop();
  rmSync(dir, { recursive: true });
});

const bits = [
  "a",
  "e",
  "1",
  "#",
  " ",
  ";",
  "\t",
  "\\",
  ".",
  "é",
  "\uFEFF",
  ",",
  ",",
  ",",
  '"',
  '""',
  '""""',
  '"a,b"',
  '"\n"',
  '"\r\n"',
  '"x"',
  "NULL",
];

/** Rows of one to three columns, most of them such that PostgreSQL takes them. */
function randomFile(random: Random): { columns: number; header: string; body: string } {
  const columns = 1 + random.below(3);
  const lineEnd = random.pick(["\n", "\n", "\r\n", "\r"]);
  const cell = (): string =>
    Array.from({ length: random.below(4) }, () =>
      random.pick(bits.filter((bit) => bit !== "," && (bit !== '"' || random.chance(0.1)))),
    ).join("");
  const row = (): string =>
    random.chance(0.1)
      ? Array.from({ length: random.below(6) }, () => random.pick(bits)).join("")
      : Array.from({ length: columns }, cell).join(",");
  const rows = Array.from({ length: random.below(5) }, () => row() + (random.chance(0.03) ? random.pick(["\n", "\r\n", "\r"]) : lineEnd));
  const body = rows.join("");
  return { columns, header: `${["p", "q", "r"].slice(0, columns).join(",")}${lineEnd}`, body: random.chance(0.2) ? body.trimEnd() : body };
}

/** null when PostgreSQL refuses the file. */
async function readWithPostgres(columns: number, body: string): Promise<Rows | null> {
  const { admin } = database;
  await admin.query(`TRUNCATE read_${columns}`);
  try {
    await copyIn(admin, `COPY read_${columns} FROM STDIN (FORMAT csv)`, [Buffer.from(body)]);
  } catch (error) {
    if (error instanceof Error && "severity" in error) return null;
    throw error;
  }
  return database.rows(`SELECT * FROM read_${columns} ORDER BY ctid`) as Promise<Rows>;
}

async function* bytesOf(text: string, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test("thousands of odd files are read as PostgreSQL reads them, and compared by what it reads, or not compared", async () => {
  for (const columns of [1, 2, 3])
    await database.admin.query(
      `CREATE TABLE read_${columns} (${["p", "q", "r"]
        .slice(0, columns)
        .map((name) => `${name} text`)
        .join(", ")})`,
    );
  const random = seeded(20261125);
  const digests = new Map<string, string>();
  const contents = new Map<string, string>();
  let taken = 0;
  for (let n = 0; n < 1500; n++) {
    const { columns, header, body } = randomFile(random);
    // Before PostgreSQL 18 it ends the rows, which a load looks after.
    if (body.includes("\\.")) continue;
    const expected = await readWithPostgres(columns, body);
    if (expected === null) continue;
    const text = header + body;
    const { rows, digest, problem } = await describeCsv(bytesOf(text, 1 + random.below(9)), true);
    if (problem !== null) {
      assert.match(problem, "line ends", JSON.stringify(text));
      continue;
    }
    taken++;
    assert.is(rows, expected.length, JSON.stringify(text));
    assert.equal((await readCsvValues(bytesOf(text, 5))).slice(1), expected, JSON.stringify(text));
    const content = JSON.stringify([columns, expected.map((row) => JSON.stringify(row)).sort()]);
    assert.is(digests.get(content) ?? digest, digest, `another digest for the same rows: ${JSON.stringify(text)}`);
    assert.is(contents.get(digest ?? "") ?? content, content, `the same digest for other rows: ${JSON.stringify(text)}`);
    digests.set(content, digest ?? "");
    contents.set(digest ?? "", content);
  }
  assert.ok(taken > 600, `${taken} files`);
});

test("DuckDB reads files of a CSV writer as PostgreSQL does, by the dialect's options", async () => {
  const random = seeded(17);
  const file = join(dir, "rows.csv");
  const plain = ["a", "#", "1", " ", "é", ";", "'", "\\", "\t", ",", '"', "\n", "\r\n", "NULL", "\\N", "-"];
  const value = (): string | null =>
    random.chance(0.2) ? null : Array.from({ length: random.below(5) }, () => random.pick(plain)).join("");
  const cell = (text: string | null): string => {
    if (text === null) return "";
    return text === "" || /[",\r\n]/.test(text) || random.chance(0.2) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  for (let n = 0; n < 100; n++) {
    const lineEnd = random.pick(["\n", "\r\n"]);
    // A line without anything is no row of several columns for DuckDB, and none that PostgreSQL takes.
    const rows = Array.from({ length: 1 + random.below(30) }, () => Array.from({ length: 3 }, value));
    const body = rows.map((row) => row.map(cell).join(",") + lineEnd).join("");
    writeFileSync(file, `p,q,r${lineEnd}${body}`);
    assert.equal((await duckdb.runAndReadAll(`SELECT * FROM ${csvTable(file)}`)).getRowsJson(), rows, JSON.stringify(body));
    if (n % 10 === 0) assert.equal(await readWithPostgres(3, body), rows);
  }
});

test.run();
