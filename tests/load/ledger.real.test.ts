import { test } from "uvu";
import * as assert from "uvu/assert";
import type { LoadRequest } from "../../src/load/request.ts";
import { csvFile, fieldsOf, TestDatabase } from "./fixture.ts";

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

const two = csvFile("id,name\n1,a\n2,b\n");
const sliced = (slice: string, sliceTemplate = "{date}"): Partial<LoadRequest> => ({ mode: { kind: "append", slice }, sliceTemplate });
const replace: Partial<LoadRequest> = { mode: { kind: "replace" } };
const upsert: Partial<LoadRequest> = { mode: { kind: "upsert", key: ["id"] } };
const older = { runId: "older", runDate: "2023-01-01T00:00:00Z" };
const newer = { runId: "newer", runDate: "2023-01-02T00:00:00Z" };

for (const [what, change] of [
  ["another type of a field", { fields: fieldsOf({ id: "BIGINT", name: "TEXT" }) }],
  ["another max_bad_rows", { maxBadRows: 1 }],
  ["other code", { code: "d".repeat(64) }],
] as const) {
  test(`a re-run with ${what} loads the same file anew`, async () => {
    await database.load({ files: [two] });
    assert.is((await database.load({ files: [two], ...change })).unchanged, false);
    assert.equal(await database.rows("SELECT count(*)::int FROM trips"), [[2]]);
  });
}

test("a row that went to the quarantine is loaded once its field takes it", async () => {
  const fields = fieldsOf({ id: "INTEGER", name: { name: "VARCHAR", length: 2 } });
  const files = [csvFile("id,name\n1,a\n2,abc\n")];
  assert.is((await database.load({ files, fields, maxBadRows: 5 })).rowsQuarantined, 1);
  await database.load({ files, fields: fieldsOf({ id: "INTEGER", name: { name: "VARCHAR", length: 20 } }) });
  assert.equal(await database.rows("SELECT id FROM trips ORDER BY id"), [[1], [2]]);
  assert.equal(await database.rows("SELECT count(*)::int FROM dagline.quarantine"), [[0]]);
});

for (const [what, sql] of [
  ["changed a row", "UPDATE trips SET name = 'by hand' WHERE id = 1"],
  [
    "changed a row twice, back to what it was",
    "UPDATE trips SET name = 'x'; UPDATE trips SET name = 'a' WHERE id = 1; UPDATE trips SET name = 'b' WHERE id = 2",
  ],
  ["deleted a row", "DELETE FROM trips WHERE id = 1"],
  ["emptied the table", "TRUNCATE trips"],
  ["dropped the table", "DROP TABLE trips"],
  ["dropped a column", "ALTER TABLE trips DROP COLUMN name"],
] as const) {
  for (const [kind, mode] of [
    ["append", {}],
    ["replace", replace],
    ["upsert", upsert],
  ] as const) {
    test(`after somebody ${what}, a re-run of ${kind} brings the rows of the file back`, async () => {
      await database.load({ ...mode, files: [two] });
      await database.admin.query(sql);
      await database.load({ ...mode, files: [two] });
      assert.equal(await database.rows("SELECT id, name FROM trips ORDER BY id"), [
        [1, "a"],
        [2, "b"],
      ]);
    });
  }
}

test("an upsert brings back rows that it found in the table, too", async () => {
  await database.load({ ...upsert, files: [two] });
  const second = { ...upsert, runId: "2", files: [csvFile("id,name\n1,a\n2,b\n3,c\n")] };
  await database.load(second);
  await database.admin.query("DELETE FROM trips WHERE id < 3");
  assert.is((await database.load(second)).rowsWritten, 2);
});

test("a row that somebody added stays beside a slice, and is removed by a replace", async () => {
  await database.load({ ...sliced("x"), files: [two] });
  await database.admin.query("INSERT INTO trips (id) VALUES (9)");
  assert.is((await database.load({ ...sliced("x"), files: [two] })).unchanged, true);
  await database.load({ ...replace, files: [two] });
  await database.admin.query("INSERT INTO trips (id) VALUES (9)");
  assert.is((await database.load({ ...replace, files: [two] })).unchanged, false);
  assert.equal(await database.rows("SELECT id FROM trips ORDER BY id"), [[1], [2]]);
});

test("a table whose rows came back from a dump is loaded anew", async () => {
  await database.load({ files: [two] });
  await database.admin.query(
    "CREATE TABLE kept AS SELECT * FROM trips; TRUNCATE trips; INSERT INTO trips SELECT * FROM kept; DROP TABLE kept",
  );
  assert.is((await database.load({ files: [two] })).unchanged, false);
  assert.equal(await database.rows("SELECT count(*)::int FROM trips"), [[2]]);
});

test("a ledger row that another transaction wrote is no proof", async () => {
  await database.load({ files: [two] });
  await database.admin.query(`UPDATE dagline.ledger SET "commit" = 'restored'`);
  assert.is((await database.load({ files: [two] })).unchanged, false);
  assert.equal(await database.rows("SELECT count(*)::int FROM trips"), [[2]]);
});

for (const [kind, mode] of [
  ["a run", {}],
  ["a slice", sliced("2023-01-01")],
] as const) {
  test(`rows of ${kind} that the ledger has lost are replaced, not doubled`, async () => {
    await database.load({ ...mode, files: [two] });
    await database.admin.query("DELETE FROM dagline.ledger");
    await database.load({ ...mode, files: [two] });
    assert.equal(await database.rows("SELECT count(*)::int FROM trips"), [[2]]);
  });
}

test("a re-run of a file with bad rows that are tolerated writes nothing", async () => {
  const request = { maxBadRows: 1, files: [csvFile("id,name\n1,a\nx,b\n3,c\n")] };
  await database.load(request);
  const again = await database.load(request);
  assert.equal([again.unchanged, again.rowsQuarantined], [true, 1]);
});

test("each load has a larger sequence number than those before, a re-run as well", async () => {
  const { loadId: first } = await database.load({ files: [two], runId: "1" });
  await database.load({ files: [two], runId: "2" });
  await database.load({ files: [csvFile("id,name\n7,g\n")], runId: "1" });
  assert.equal(await database.rows("SELECT run_id FROM dagline.ledger ORDER BY sequence"), [["2"], ["1"]]);
  assert.equal(await database.rows(`SELECT sequence > 2 FROM dagline.ledger WHERE load_id = '${first}'`), [[true]]);
});

for (const [what, before, after] of [
  ["gets a slice", {}, sliced("2023-01-01")],
  ["loses its slice", sliced("2023-01-01"), {}],
  ["gets another slice template", sliced("2023-01-01"), sliced("a.2023-01-01", "a.{date}")],
  ["becomes an append", upsert, {}],
] as const) {
  test(`a run that is run again after its load ${what} replaces its rows`, async () => {
    await database.load({ ...before, files: [two] });
    await database.load({ ...before, runId: "another", files: [csvFile("id,name\n9,z\n")], ...(before === upsert ? {} : sliced2(before)) });
    await database.load({ ...after, files: [two] });
    await database.load({ ...after, files: [two] });
    assert.equal(await database.rows("SELECT id FROM trips ORDER BY id"), [[1], [2], [9]]);
    assert.equal(await database.rows("SELECT count(*)::int FROM dagline.ledger WHERE run_id = 'manual__1'"), [[1]]);
  });
}

test("a run whose params name another slice keeps the slice that it loaded before", async () => {
  await database.load({ ...sliced("green", "{type}"), files: [two] });
  await database.load({ ...sliced("yellow", "{type}"), files: [csvFile("id,name\n9,z\n")] });
  assert.equal(await database.rows("SELECT id FROM trips ORDER BY id"), [[1], [2], [9]]);
});

test("a mapped run that covers another month keeps the month that it loaded before", async () => {
  const month = (name: string): Partial<LoadRequest> => ({ ...sliced(name, "{year}-{month}"), month: name, mapIndex: 0 });
  await database.load({ ...month("2023-01"), files: [two] });
  await database.load({ ...month("2023-02"), files: [csvFile("id,name\n9,z\n")] });
  assert.equal(await database.rows("SELECT count(*)::int FROM trips"), [[3]]);
});

test("a load that adopts a task's rows replaces those of the same run, and leaves those of the others", async () => {
  const old = { dag: "old_dag", task: "load_old" };
  await database.load({ ...old, runId: "1", files: [two] });
  await database.load({ ...old, runId: "2", files: [csvFile("id,name\n9,z\n")] });
  const adopts = { tasks: [old], slices: [] };
  await database.load({ runId: "1", adopts, files: [csvFile("id,name\n1,new\n")] });
  await database.load({ runId: "1", adopts, files: [csvFile("id,name\n1,newer\n")] });
  assert.equal(await database.rows("SELECT id, name FROM trips ORDER BY id"), [
    [1, "newer"],
    [9, "z"],
  ]);
  assert.equal(await database.rows("SELECT dag, run_id FROM dagline.ledger ORDER BY run_id"), [
    ["trips_dag", "1"],
    ["old_dag", "2"],
  ]);
});

test("a load that adopts a slice template replaces the rows of the slice's old name, whichever run loaded it", async () => {
  await database.load({ ...sliced("2023-01-01"), dag: "another", runId: "1", files: [two] });
  await database.load({ ...sliced("2023-01-02"), dag: "another", runId: "2", files: [csvFile("id,name\n9,z\n")] });
  const adopts = { tasks: [], slices: ["2023-01-01"] };
  await database.load({ ...sliced("a.2023-01-01", "a.{date}"), runId: "3", adopts, files: [csvFile("id,name\n1,new\n")] });
  assert.equal(await database.rows("SELECT id, name FROM trips ORDER BY id"), [
    [1, "new"],
    [9, "z"],
  ]);
});

test("rows are adopted although the ledger has lost the old load", async () => {
  const old = { dag: "old_dag", task: "load_old" };
  await database.load({ ...old, files: [two] });
  await database.admin.query("DELETE FROM dagline.ledger");
  await database.load({ adopts: { tasks: [old], slices: [] }, files: [two] });
  assert.equal(await database.rows("SELECT count(*)::int FROM trips"), [[2]]);
});

test("a run under its old and its new name at once leaves its rows once", async () => {
  const old = { dag: "old_dag", task: "load_old" };
  await Promise.all([database.load({ ...old, files: [two] }), database.load({ adopts: { tasks: [old], slices: [] }, files: [two] })]);
  // The old name's load may be the later one; it knows of no other name.
  await database.load({ adopts: { tasks: [old], slices: [] }, files: [two] });
  assert.equal(await database.rows("SELECT count(*)::int FROM trips"), [[2]]);
});

test("a replace by an older run leaves the rows of the newer one, and says which run that is", async () => {
  await database.load({ ...replace, ...newer, files: [csvFile("id,name\n1,NEW\n")] });
  const result = await database.load({ ...replace, ...older, files: [csvFile("id,name\n1,OLD\n")] });
  assert.is(result.newerRun, "trips_dag newer");
  assert.is(result.rowsWritten, 0);
  assert.equal(await database.rows("SELECT name FROM trips"), [["NEW"]]);
});

test("a replace by an older run fills a table that is empty", async () => {
  await database.load({ ...replace, ...newer, files: [csvFile("id,name\n1,NEW\n")] });
  await database.admin.query("DROP TABLE trips");
  assert.is((await database.load({ ...replace, ...older, files: [csvFile("id,name\n1,OLD\n")] })).rowsWritten, 1);
});

test("an upsert by an older run adds its new keys, and leaves what a newer run has loaded or found right", async () => {
  const load = (run: object, rows: string) => database.load({ ...upsert, ...run, files: [csvFile(`id,name\n${rows}`)] });
  await load({ runId: "first", runDate: "2022-12-31T00:00:00Z" }, "1,A\n2,b\n");
  await load(newer, "1,A\n2,NEW\n");
  const result = await load(older, "1,OLD\n2,OLD\n3,c\n");
  assert.is(result.rowsWritten, 1);
  assert.equal(await database.rows("SELECT id, name FROM trips ORDER BY id"), [
    [1, "A"],
    [2, "NEW"],
    [3, "c"],
  ]);
});

for (const [kind, mode] of [
  ["replace", replace],
  ["upsert", upsert],
] as const) {
  test(`an older run overwrites a newer one under ${kind} when a person asks for it`, async () => {
    await database.load({ ...mode, ...newer, files: [csvFile("id,name\n1,NEW\n")] });
    await database.load({ ...mode, ...older, overwriteNewer: true, files: [csvFile("id,name\n1,OLD\n")] });
    assert.equal(await database.rows("SELECT name FROM trips"), [["OLD"]]);
  });

  test(`a run of the same date, and a newer one, overwrite under ${kind}`, async () => {
    await database.load({ ...mode, ...older, files: [csvFile("id,name\n1,a\n")] });
    await database.load({ ...mode, ...older, runId: "same date", files: [csvFile("id,name\n1,b\n")] });
    await database.load({ ...mode, ...newer, files: [csvFile("id,name\n1,c\n")] });
    assert.equal(await database.rows("SELECT name FROM trips"), [["c"]]);
  });

  test(`a run that is dated into the future is not newer than those of today under ${kind}`, async () => {
    await database.load({ ...mode, runId: "far", runDate: "2999-01-01T00:00:00Z", files: [csvFile("id,name\n1,far\n")] });
    await database.load({
      ...mode,
      runId: "today",
      runDate: new Date(Date.now() + 60_000).toISOString(),
      files: [csvFile("id,name\n1,today\n")],
    });
    assert.equal(await database.rows("SELECT name FROM trips"), [["today"]]);
  });
}

test("an older run under its new name does not overwrite a newer one under the name that it adopts", async () => {
  const old = { dag: "old_dag", task: "load_old" };
  await database.load({ ...upsert, ...newer, ...old, files: [csvFile("id,name\n1,NEW\n")] });
  await database.load({ ...upsert, ...older, adopts: { tasks: [old], slices: [] }, files: [csvFile("id,name\n1,OLD\n")] });
  assert.equal(await database.rows("SELECT name FROM trips"), [["NEW"]]);
});

test("a month of a mapped DAG is older and newer only than the same month", async () => {
  await database.load({ ...upsert, ...newer, month: "2023-02", files: [csvFile("id,name\n1,a\n")] });
  await database.load({ ...upsert, ...older, month: "2023-01", files: [csvFile("id,name\n1,b\n")] });
  assert.equal(await database.rows("SELECT name FROM trips"), [["b"]]);
});

test("a ledger of an earlier version is brought up to date by several loads at once; its rows are loaded anew and never doubled", async () => {
  await database.load({ files: [two] });
  await database.load({ ...sliced("2023-01-01"), runId: "sliced", files: [csvFile("id,name\n9,z\n")] });
  await database.admin.query(`ALTER TABLE dagline.ledger DROP COLUMN sequence, DROP COLUMN run_date, DROP COLUMN month, DROP COLUMN mode,
    DROP COLUMN spec, DROP COLUMN code, DROP COLUMN confirms, DROP COLUMN target, DROP COLUMN table_rows, DROP COLUMN transactions, DROP COLUMN snapshot, DROP COLUMN schema_name;
    DROP SEQUENCE dagline.load_sequence; DROP INDEX dagline.ledger_of_run; DROP TABLE dagline.removed_loads`);
  const runs = ["a", "b", "c", "d"].map((runId) => database.load({ runId, files: [csvFile("id,name\n5,e\n")] }));
  const again = [
    database.load({ files: [two] }),
    database.load({ ...sliced("2023-01-01"), runId: "sliced", files: [csvFile("id,name\n9,z\n")] }),
  ];
  await Promise.all(runs);
  assert.equal(
    (await Promise.all(again)).map(({ unchanged }) => unchanged),
    [false, false],
  );
  assert.equal(await database.rows("SELECT id, count(*)::int FROM trips GROUP BY id ORDER BY id"), [
    [1, 1],
    [2, 1],
    [5, 4],
    [9, 1],
  ]);
  assert.equal(await database.rows("SELECT count(*)::int, count(DISTINCT sequence)::int FROM dagline.ledger"), [[6, 6]]);
});

/** The same mode for another slice, where there are slices. */
function sliced2(mode: Partial<LoadRequest>): Partial<LoadRequest> {
  return mode.mode?.kind === "append" && mode.mode.slice !== null ? { mode: { kind: "append", slice: "2023-01-09" } } : {};
}

test.run();
