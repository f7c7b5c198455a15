import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseRecordedLoads } from "../../src/plan/recorded-loads.ts";
import { rowChanges } from "../../src/plan/rows.ts";
import type { RecordedLoad } from "../../src/recorded-load.ts";

const load = (sample: RecordedLoad["sample"], more: Partial<RecordedLoad> = {}): RecordedLoad => ({
  dag: "d",
  task: "l",
  table: "t",
  rows: sample.length,
  columns: Object.keys(sample[0] ?? {}),
  sample,
  ...more,
});
const changes = (before: RecordedLoad[], after: RecordedLoad[]) => rowChanges({ loads: before }, { loads: after });

test("the same rows are the same", () => {
  const [rows] = changes([load([{ id: "1", name: null }])], [load([{ id: "1", name: null }])]);
  assert.ok(rows?.same);
  assert.equal(rows?.sample, []);
});

test("counts, columns and cells are told side by side", () => {
  const before = load(
    [
      { id: "1", name: "a", old: "x" },
      { id: "2", name: "b", old: "x" },
    ],
    { rows: 10 },
  );
  const after = load(
    [
      { id: "1", name: "A", added: null },
      { id: "2", name: "b", added: "n" },
    ],
    { rows: 12 },
  );
  const [rows] = changes([before], [after]);
  assert.equal([rows?.before, rows?.after, rows?.columnsAdded, rows?.columnsRemoved], [10, 12, ["added"], ["old"]]);
  assert.equal(rows?.sample[0], {
    row: { column: "id", value: "1" },
    change: "changed",
    cells: [
      { column: "name", before: "a", after: "A" },
      { column: "added", after: null },
      { column: "old", before: "x" },
    ],
  });
});

test("a row that is new at the front does not make the others differ", () => {
  const [rows] = changes([load([{ id: "2" }, { id: "3" }])], [load([{ id: "1" }, { id: "2" }, { id: "3" }])]);
  assert.equal(
    rows?.sample.map(({ change, row }) => [change, row?.value]),
    [["added", "1"]],
  );
});

test("a load that is new or gone has no count on the other side", () => {
  const rows = changes([load([{ id: "1" }], { task: "gone" })], [load([{ id: "1" }], { task: "fresh" })]);
  assert.equal(
    rows.map(({ task, before, after }) => [task, before, after]),
    [
      ["fresh", null, 1],
      ["gone", 1, null],
    ],
  );
});

test("a task that its tests load several times is compared time by time", () => {
  const [first, second] = changes([load([{ id: "1" }]), load([{ id: "2" }])], [load([{ id: "1" }]), load([{ id: "9" }])]);
  assert.ok(first?.same);
  assert.not(second?.same);
  assert.equal([first?.load, second?.load, changes([load([])], [load([])])[0]?.load], [1, 2, null]);
});

test("a file of another form is refused with what is wrong", () => {
  assert.throws(() => parseRecordedLoads("{", "rows.json"), /rows\.json holds no recorded loads: it is not JSON/);
  assert.throws(() => parseRecordedLoads("{}", "rows.json"), /no list `loads`/);
  assert.throws(() => parseRecordedLoads(JSON.stringify({ loads: [{ ...load([]), rows: "1" }] }), "f"), /loads\[0\]\.rows is not a number/);
  assert.throws(() => parseRecordedLoads(JSON.stringify({ loads: [{ ...load([]), sample: [{ a: {} }] }] }), "f"), /sample/);
  assert.equal(parseRecordedLoads(JSON.stringify({ loads: [load([{ id: null }])] }), "f").loads[0]?.sample, [{ id: null }]);
});

test.run();
