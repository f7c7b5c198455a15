import { test } from "uvu";
import * as assert from "uvu/assert";
import { whyNeeded } from "../../src/load/compare-load.ts";
import { lockNumber } from "../../src/load/load-id.ts";
import type { LoadRequest } from "../../src/load/request.ts";
import { aRequest, csvFile, fieldsOf, TestDatabase } from "./fixture.ts";

let database: TestDatabase;

test.before(async () => {
  database = await TestDatabase.start();
});
test.after(async () => {
  await database?.stop();
});
test.after.each(async () => {
  await database.admin.query("DROP TABLE IF EXISTS trips; TRUNCATE dagline.ledger, dagline.quarantine");
});

const append: Partial<LoadRequest> = {};
const day = (date: string): Partial<LoadRequest> => ({ mode: { kind: "append", slice: date }, sliceTemplate: "{date}" });
const replace: Partial<LoadRequest> = { mode: { kind: "replace" } };
const upsert: Partial<LoadRequest> = { mode: { kind: "upsert", key: ["id"] } };
const modes = Object.entries({ append, "append by slice": day("2023-01-01"), replace, upsert });

/** Loads rows whose digest is their text, as `extract_x` staged them. */
function load(text: string, request: Partial<LoadRequest>) {
  return database.load({ ...request, confirms: { extract_x: text }, files: [csvFile(`id,name\n${text}`)] });
}

/** As another run that has the rows again. */
async function why(text: string, request: Partial<LoadRequest>): Promise<string | null> {
  const connection = await database.connect();
  return whyNeeded(connection, { ...aRequest, runId: "next", ...request }, "extract_x", text).finally(() => connection.end());
}

for (const [kind, mode] of modes) {
  test(`${kind}: the same rows are not needed again, however often`, async () => {
    assert.match((await why("1,a\n", mode)) ?? "", /was(?: not)? loaded so far/);
    await load("1,a\n2,b\n", mode);
    for (const runId of ["2", "3"]) assert.is(await why("1,a\n2,b\n", { ...mode, runId }), null);
    assert.is(await why("1,a\n", mode), "the last load took other rows");
  });

  for (const [what, sql] of [
    ["is dropped", "DROP TABLE trips"],
    ["is emptied", "DELETE FROM trips"],
    ["has lost a row", "DELETE FROM trips WHERE id = 1"],
    ["has a row that somebody changed", "UPDATE trips SET name = 'by hand' WHERE id = 1"],
    [
      "was restored from a dump",
      "CREATE TEMP TABLE dump AS SELECT * FROM trips; TRUNCATE trips; INSERT INTO trips SELECT * FROM dump; DROP TABLE dump",
    ],
  ] as const) {
    test(`${kind}: the rows are needed when the table ${what}`, async () => {
      await load("1,a\n2,b\n", mode);
      await database.admin.query(sql);
      assert.match((await why("1,a\n2,b\n", mode)) ?? "", "the rows of the last load are not in table trips as it left them");
    });
  }

  test(`${kind}: the rows are needed when the release or the params lead to other rows`, async () => {
    await load("1,a\n2,b\n", mode);
    const differs = "the DAG or the run's params differ from those of the last load";
    const fields = fieldsOf({ id: "INTEGER", name: { name: "VARCHAR", length: 20 } });
    for (const change of [{ fields }, { maxBadRows: 1 }, { code: "d".repeat(64) }])
      assert.is(await why("1,a\n2,b\n", { ...mode, ...change }), differs);
    if (kind === "upsert") assert.is(await why("1,a\n2,b\n", { mode: { kind: "upsert", key: ["id", "name"] } }), differs);
    if (kind !== "append by slice") {
      for (const other of [append, replace, upsert]) if (other !== mode) assert.is(await why("1,a\n2,b\n", other), differs);
    }
  });
}

test("day 2 needs its rows although day 1 had the very same ones", async () => {
  await load("1,a\n", day("2023-01-01"));
  assert.is(await why("1,a\n", day("2023-01-02")), "the slice was not loaded so far");
});

test("a month needs its rows although another month had the very same ones", async () => {
  await load("1,a\n", { month: "2023-01", mapIndex: 0 });
  assert.is(await why("1,a\n", { month: "2023-02", mapIndex: 1 }), "nothing was loaded so far");
});

test("a run that is run again needs its rows when it loaded others, whatever the last run loaded", async () => {
  await load("1,a\n", { runId: "1" });
  await load("2,b\n", { runId: "2" });
  assert.is(await why("2,b\n", { runId: "1" }), "the last load took other rows");
  assert.is(await why("2,b\n", { runId: "3" }), null);
});

for (const [kind, mode] of [
  ["replace", replace],
  ["upsert", upsert],
] as const) {
  test(`${kind}: the rows are needed when another DAG has changed the table since`, async () => {
    await load("1,X\n", mode);
    await load("1,Y\n", { ...mode, dag: "another", runId: "y" });
    assert.match((await why("1,X\n", mode)) ?? "", "not in table trips as it left them");
  });

  test(`${kind}: a run between the last load and one that was not needed is an older run`, async () => {
    await load("1,a\n", { ...mode, runId: "1", runDate: "2023-01-01T00:00:00Z" });
    assert.is(await why("1,a\n", { ...mode, runId: "3", runDate: "2023-01-03T00:00:00Z" }), null);
    await load("1,OLD\n", { ...mode, runId: "2", runDate: "2023-01-02T00:00:00Z" });
    assert.equal(await database.rows("SELECT name FROM trips"), [["a"]]);
  });
}

test("an upsert's rows are needed when somebody has added a row or changed one that the load had found right", async () => {
  await load("1,a\n", upsert);
  await load("1,a\n2,b\n", { ...upsert, runId: "2" });
  assert.is(await why("1,a\n2,b\n", upsert), null);
  await database.admin.query("UPDATE trips SET name = 'by hand' WHERE id = 1");
  assert.match((await why("1,a\n2,b\n", upsert)) ?? "", "as it left them");
});

test("rows are needed when some of them went to the quarantine", async () => {
  await load("1,a\nx,b\n", { maxBadRows: 1 });
  assert.is(await why("1,a\nx,b\n", { maxBadRows: 1 }), "rows of the last load went to the quarantine");
});

test("a change by a transaction that was under way during the load is seen", async () => {
  await load("1,a\n", upsert);
  const other = await database.postgres.connect("data_pipeline_db");
  await other.query("BEGIN; CREATE TEMP TABLE has_an_id (n integer)");
  await load("1,a\n2,b\n", { ...upsert, runId: "2" });
  await other.query("UPDATE trips SET name = 'by hand' WHERE id = 1; COMMIT");
  await other.end();
  assert.match((await why("1,a\n2,b\n", upsert)) ?? "", "as it left them");
});

test("nothing is compared while another load of the table is under way, and nobody waits for it", async () => {
  await load("1,a\n", replace);
  const lock = lockNumber("table", "trips");
  await database.admin.query("SELECT pg_advisory_lock($1)", [lock]);
  assert.is(await why("1,a\n", replace), "another load into trips is under way");
  await database.admin.query("SELECT pg_advisory_unlock($1)", [lock]);
  assert.is(await why("1,a\n", replace), null);
});

test.run();
