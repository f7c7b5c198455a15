import { test } from "uvu";
import * as assert from "uvu/assert";
import { rejects } from "../rejects.ts";
import { until } from "../until.ts";
import { csvFile, fieldsOf, TestDatabase } from "./fixture.ts";

let database: TestDatabase;

test.before(async () => {
  // What it reads would be counted, too, and it would free room.
  database = await TestDatabase.start({ autovacuum: "off" });
});
test.after(async () => {
  await database?.stop();
});
test.after.each(async () => {
  await database.admin.query("DROP TABLE IF EXISTS trips; DROP SCHEMA IF EXISTS dagline CASCADE");
});

const note = "x".repeat(300);
const rows = (count: number, from = 0): string => Array.from({ length: count }, (_, index) => `${from + index},${note}\n`).join("");

test("a re-run of a slice reads the pages of its rows and not the table, also one that an earlier version made", async () => {
  await database.load({ files: [csvFile(`id,name\n${rows(20_000)}`)] });
  for (const index of ["", "DROP INDEX trips_dagline_load; CREATE INDEX ON trips USING brin (_load_id)"]) {
    // Its own reads are counted within a second, or at once when it asks for that.
    await database.admin.query(`${index}; SELECT pg_stat_force_next_flush()`);
    const slice = (from: number) => ({ mode: { kind: "append", slice: "s" }, files: [csvFile(`id,name\n${rows(10, from)}`)] }) as const;
    await database.load(slice(30_000));
    const before = await blocksRead();
    await database.load(slice(40_000));
    const pages = Number((await database.rows("SELECT pg_relation_size('trips') / 8192"))[0]?.[0]);
    const read = (await blocksRead()) - before;
    assert.ok(read < pages / 2, `${read} of ${pages} pages were read`);
    assert.equal(await database.rows("SELECT count(*)::int, max(id) FROM trips"), [[20_010, 40_009]]);
  }
});

async function blocksRead(): Promise<number> {
  await sessionsEnd();
  return Number((await database.rows("SELECT heap_blks_read + heap_blks_hit FROM pg_statio_user_tables WHERE relname = 'trips'"))[0]?.[0]);
}

/** A session writes its statistics when it ends. */
async function sessionsEnd(): Promise<void> {
  const open = "SELECT count(*)::int FROM pg_stat_activity WHERE application_name = 'dagline'";
  await until("the end of the loads' sessions", async () => (await database.rows(open))[0]?.[0] === 0);
}

for (const { title, mode, end } of [
  { title: "replaced", mode: { kind: "replace" }, end: "" },
  { title: "replaced by files with a bad row", mode: { kind: "replace" }, end: "99999999999,y\n" },
  { title: "upserted with other values in all rows", mode: { kind: "upsert", key: ["id"] }, end: "" },
] as const) {
  test(`a table that is ${title} again and again is never more than two and a half times its size`, async () => {
    const sizes: number[] = [];
    for (let run = 1; run <= 6; run++) {
      const text = Array.from({ length: 4000 }, (_, id) => `${id},${run}${note}\n`).join("");
      await database.load({ mode, maxBadRows: 1, runId: `run-${run}`, files: [csvFile(`id,name\n${text}${run === 1 ? "" : end}`)] });
      sizes.push(Number((await database.rows("SELECT pg_total_relation_size('trips')"))[0]?.[0]));
      // As after a crash of the server.
      await sessionsEnd();
      await database.admin.query("SELECT pg_stat_reset()");
    }
    assert.ok(Math.max(...sizes) < 2.5 * (sizes[0] ?? 0), sizes.join(", "));
  });
}

test("a table that cannot be tidied is loaded all the same", async () => {
  const load = { mode: { kind: "append", slice: "s" } } as const;
  await database.load({ ...load, files: [csvFile("id,name\n1,a\n")] });
  await database.admin.query("BEGIN; LOCK TABLE trips IN SHARE UPDATE EXCLUSIVE MODE");
  await database.load({ ...load, files: [csvFile("id,name\n2,b\n")] });
  await database.admin.query("COMMIT");
  assert.equal(await database.rows("SELECT id FROM trips"), [[2]]);
});

test("a key whose collation takes different texts for equal: duplicates are refused, and a row that differs in case is changed", async () => {
  await database.admin.query(`CREATE COLLATION IF NOT EXISTS any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`);
  const fields = fieldsOf({ code: "TEXT", name: "TEXT" });
  const upsert = { fields, mode: { kind: "upsert", key: ["code"] } } as const;
  await database.load({ ...upsert, files: [csvFile("code,name\n")] });
  await database.admin.query("ALTER TABLE trips ALTER code TYPE text COLLATE any_case, ALTER name TYPE text COLLATE any_case");
  await database.load({ ...upsert, runId: "1", files: [csvFile("code,name\na,x\nb,y\n")] });
  const result = await database.load({ ...upsert, runId: "2", files: [csvFile("code,name\nA,x\nb,Y\nc,z\n")] });
  assert.is(result.rowsWritten, 3);
  assert.equal(await database.rows('SELECT code, name FROM trips ORDER BY code COLLATE "C"'), [
    ["A", "x"],
    ["b", "Y"],
    ["c", "z"],
  ]);
  await rejects(database.load({ ...upsert, runId: "3", files: [csvFile("code,name\nD,x\nd,y\n")] }), /have the same key \(code\)/);
});

test.run();
