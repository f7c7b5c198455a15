import { test } from "uvu";
import * as assert from "uvu/assert";
import { inTransaction, type LoadDatabase } from "../../src/load/database.ts";
import { type CopyRows, copyCarefully, copyStraight } from "../../src/load/rows.ts";
import type { ReadyTarget } from "../../src/load/target.ts";
import { silentLog } from "../../src/log.ts";
import { type Random, seeded } from "../time/random.ts";
import { aRequest, bytesFile, csvFile, fieldsOf, TestDatabase } from "./fixture.ts";

const FILES = 60;

let database: TestDatabase;
let connection: LoadDatabase;

test.before(async () => {
  database = await TestDatabase.start();
  connection = await database.connect();
  await database.load({ files: [csvFile("id,name\n")] });
});
test.after(async () => {
  await connection?.end();
  await database?.stop();
});

const cells = [
  ...[
    "",
    "",
    '""',
    "a",
    "#b",
    "\\.",
    '"\\."',
    '"a,b"',
    '"x\ny"',
    '"x\r\ny"',
    '"x\ry"',
    'a"b,c"d',
    '"q""q"',
    '""""',
    " a ",
    "é",
    "\\",
    "\\N",
    "'",
    "null",
    "\t",
  ],
  ...['"\n\\.\n"', '"a"b', 'a""b', "\\.x", "-", "0", "日本語", '",\n,"'],
];
const rareCells = [
  Buffer.from([0xe9]),
  Buffer.from([0]),
  Buffer.from('"\0"'),
  Buffer.from([0xf0, 0x9f, 0x92]),
  Buffer.from("a\rb"),
  Buffer.from("a\r"),
];

interface CsvSample {
  readonly columns: number;
  readonly bytes: Buffer;
}

function sampleOf(random: Random): CsvSample {
  const columns = 1 + random.below(3);
  const lineEnd = random.pick(["\n", "\n", "\r\n", "\r"]);
  const parts: Buffer[] = [Buffer.from(random.chance(0.1) ? "\ufeff" : "")];
  parts.push(Buffer.from(`${Array.from({ length: columns }, (_, index) => `c${index}`).join(",")}${lineEnd}`));
  for (let row = random.below(12); row > 0; row--) {
    const width = random.chance(0.1) ? random.below(5) : columns;
    for (let column = 0; column < width; column++) {
      if (column > 0) parts.push(Buffer.from(","));
      parts.push(random.chance(0.04) ? random.pick(rareCells) : Buffer.from(random.pick(cells)));
    }
    if (row > 1 || random.chance(0.7)) parts.push(Buffer.from(random.chance(0.03) ? random.pick(["\n", "\r\n", "\r"]) : lineEnd));
  }
  return { columns, bytes: Buffer.concat(parts) };
}

test("a file's rows are the same by one COPY, chunk by chunk, in pieces of any size, and by PostgreSQL alone", async () => {
  let alone = 0;
  let refused = 0;
  const random = seeded(17);
  for (let file = 1; file <= FILES; file++) {
    const { columns, bytes } = sampleOf(random);
    const names = Array.from({ length: columns }, (_, index) => `c${index}`);
    const said = `file ${file}: ${JSON.stringify(bytes.toString("latin1"))}`;
    await database.admin.query(
      `DROP TABLE IF EXISTS fuzz; CREATE TABLE fuzz (${names.map((name) => `${name} text`).join(", ")}); ALTER TABLE fuzz OWNER TO dagline_loader`,
    );
    const whole = await copied(copyStraight, names, bytes, 64 * 1024);
    assert.equal(await copied(copyCarefully, names, bytes, 64 * 1024), whole, said);
    assert.equal(await copied(copyStraight, names, bytes, 1), whole, said);
    if (whole === null) {
      refused++;
      continue;
    }
    assert.is(whole.read, whole.rows.length + whole.bad, said);
    const rows = await copiedAlone(names, bytes);
    if (rows === null) continue;
    alone++;
    // Whatever PostgreSQL takes alone is taken, but for bytes after which 16 and 17 take the file for ended.
    if (!/(^|[\r\n])\\\.(?=[\r\n]|$)/.test(bytes.toString("latin1")))
      assert.equal({ ...whole, bad: 0 }, { read: rows.length, bad: 0, rows }, said);
  }
  assert.ok(alone > FILES / 4 && refused < FILES / 4, `${alone} files were taken by PostgreSQL alone, ${refused} refused`);
});

/** null for a file that is refused as a whole. */
async function copied(
  copy: CopyRows,
  names: readonly string[],
  bytes: Buffer,
  size: number,
): Promise<{ read: number; bad: number; rows: unknown[] } | null> {
  const target: ReadyTarget = { schema: "public", table: "fuzz", sql: "public.fuzz", isWider: false };
  const fields = fieldsOf(Object.fromEntries(names.map((name) => [name, "TEXT" as const])));
  const request = { ...aRequest, table: "fuzz", fields, maxBadRows: 1000, files: [bytesFile(bytes, "rows.csv", size)] };
  await database.admin.query("TRUNCATE fuzz");
  try {
    const counts = await inTransaction(connection, () =>
      copy(connection, request, target, "fuzz", { clear: async () => {}, overwrite: true, log: silentLog }),
    );
    if ("refuse" in counts) throw counts.refuse;
    return { read: counts.rowsRead, bad: counts.rowsQuarantined, rows: await rowsOf(names) };
  } catch (error) {
    if (error instanceof Error && /unterminated CSV quoted field/.test(error.message)) return null;
    throw error;
  }
}

/** null when PostgreSQL refuses the file. */
async function copiedAlone(names: readonly string[], bytes: Buffer): Promise<unknown[] | null> {
  await database.admin.query("TRUNCATE fuzz");
  const start = bytes.subarray(0, 3).equals(Buffer.from("\ufeff")) ? 3 : 0;
  try {
    await connection.copyFrom(`COPY fuzz (${names.join(", ")}) FROM STDIN (FORMAT csv, HEADER true)`, [bytes.subarray(start)]);
  } catch {
    return null;
  }
  return rowsOf(names);
}

function rowsOf(names: readonly string[]): Promise<unknown[]> {
  return database.rows(`SELECT ${names.join(", ")} FROM fuzz ORDER BY ${names.map((name) => `${name} COLLATE "C"`).join(", ")}`);
}

test.run();
