import { test } from "uvu";
import * as assert from "uvu/assert";
import type { LiveColumn } from "../../src/load/ddl.ts";
import type { Facts } from "../../src/plan/make-plan.ts";
import type { Dag, Field, LoadTask } from "../../src/scrape/model.ts";
import { extractTask, loadTask, makeDag } from "../release/make-dags.ts";
import { planOf } from "./make-contents.ts";

const id: Field = { name: "id", type: { name: "INTEGER" }, description: null };
const name = (length: number): Field => ({ name: "name", type: { name: "VARCHAR", length }, description: null });

test("a new table is created, an upsert's with its unique index", () => {
  const [table] = planOf([], [dag([id], { mode: { kind: "upsert", key: ["id"] } })]).tables;
  assert.is(table?.change, "created");
  assert.match(table?.statements[0] ?? "", /^CREATE TABLE "public"."rows" \("id" integer, /);
  assert.is(table?.statements.at(-1), 'CREATE UNIQUE INDEX "rows_dagline_key" ON "public"."rows" ("id")');
});

test("a wider or a new column is DDL, and nothing destructive", () => {
  const plan = planOf([dag([name(5)])], [dag([name(9), id])]);
  assert.equal(plan.tables[0]?.statements, [
    'ALTER TABLE "public"."rows" ALTER COLUMN "name" TYPE character varying(9), ADD COLUMN "id" integer',
  ]);
  assert.is(plan.tables[0]?.basis, "released");
  assert.equal(plan.destructive, []);
});

test("each retyped column is destructive, and the next load is said to fail", () => {
  const plan = planOf(
    [
      dag([
        { ...id, type: { name: "BOOLEAN" } },
        { ...name(9), type: { name: "DATE" } },
      ]),
    ],
    [dag([name(5), id])],
  );
  assert.is(plan.tables[0]?.change, "refused");
  assert.is(plan.tables[0]?.refusals.length, 2);
  assert.equal(whats(plan), ["column narrowed or retyped", "column narrowed or retyped"]);
});

test("a narrowed field leaves its column as it is; what it no longer takes is destructive", () => {
  const plan = planOf([dag([name(9), { ...id, type: { name: "BIGINT" } }])], [dag([name(5), id])]);
  assert.equal(plan.tables[0]?.statements, []);
  assert.equal(
    plan.destructive.map(({ why }) => why),
    [
      "column name stays character varying(9); rows with a value that character varying(5) does not take become bad rows",
      "column id stays bigint; rows with a value that integer does not take become bad rows",
    ],
  );
});

test("a column that fields no longer name stays and is no longer filled, which is destructive", () => {
  const plan = planOf([dag([id, name(5)])], [dag([id])]);
  assert.equal(plan.tables[0]?.noLongerFilled, ["name"]);
  assert.equal(plan.tables[0]?.statements, []);
  assert.equal(whats(plan), ["column no longer filled"]);
});

test("live columns count more than what was released", () => {
  const live: LiveColumn[] = [{ name: "id", type: "boolean" }];
  const plan = planOf([dag([id])], [dag([id])], { liveTables: new Map([["rows", live]]) });
  assert.is(plan.tables[0]?.basis, "live");
  assert.match(plan.tables[0]?.refusals[0] ?? "", /`id` of table `rows` is boolean in the database, and integer in fields/);
  assert.is(planOf([dag([id])], [dag([id])], { liveTables: new Map([["rows", null]]) }).tables[0]?.change, "created");
});

test("a table whose DAG is removed is destructive, unless another DAG loads it", () => {
  const plan = planOf([dag([id])], []);
  assert.is(plan.tables[0]?.change, "removed");
  assert.equal(whats(plan), ["table no longer loaded"]);
  assert.equal(planOf([dag([id])], [dag([id], {}, "other")]).destructive, []);
});

test("a removed load task is destructive, too", () => {
  const plan = planOf([dag([id])], [makeDag({ tasks: [extractTask("x")] })]);
  assert.match(plan.destructive[0]?.why ?? "", /load task is removed or loads another table/);
});

test("another mode or key is destructive, and says what happens to the rows", () => {
  const mode = (from: LoadTask["mode"], to: LoadTask["mode"]) =>
    planOf([dag([id, name(5)], { mode: from })], [dag([id, name(5)], { mode: to })]);
  const replaced = mode({ kind: "append", slice: null }, { kind: "replace" });
  assert.match(replaced.destructive[0]?.why ?? "", /removes every row that earlier loads left/);
  const merged = mode({ kind: "upsert", key: ["id"] }, { kind: "upsert", key: ["name"] });
  assert.match(merged.destructive[0]?.why ?? "", /upsert by id → upsert by name/);
  assert.equal(merged.tables[0]?.statements, [
    'DROP INDEX IF EXISTS "public"."rows_dagline_key"',
    'CREATE UNIQUE INDEX "rows_dagline_key" ON "public"."rows" ("name")',
  ]);
  const added = mode({ kind: "upsert", key: ["id"] }, { kind: "append", slice: null });
  assert.equal(added.tables[0]?.statements, ['DROP INDEX IF EXISTS "public"."rows_dagline_key"']);
  const sliced = mode({ kind: "append", slice: null }, { kind: "append", slice: "{year}" });
  assert.match(sliced.destructive[0]?.why ?? "", /append by run → append by slice \{year\}: rows that are there stay/);
});

test("a DAG that is removed while it runs is destructive, one that changes keeps its runs", () => {
  const facts: Partial<Facts> = { inFlight: { rows: 2 } };
  const plan = planOf([makeDag({ tasks: [extractTask("x")] })], [], facts);
  assert.equal(whats(plan), ["DAG removed while it runs"]);
  assert.equal(planOf([makeDag({ tasks: [extractTask("x")] })], [], { inFlight: {} }).destructive, []);
  const changed = planOf([makeDag()], [makeDag({ retries: 1 })], facts);
  assert.is(changed.upcoming[0]?.inFlight, 2);
  assert.equal(changed.destructive, []);
});

test("destructive changes of cloud resources are among the others", () => {
  const infra = { changes: [], widened: [], destructive: [{ resource: "Database", why: "replaced" }], refused: [], digest: "x" };
  assert.equal(
    planOf([], [], { infra }).destructive.map(({ resource }) => resource),
    ["Database"],
  );
});

function whats(plan: { destructive: readonly { what: string }[] }): string[] {
  return plan.destructive.map(({ what }) => what);
}

function dag(fields: Field[], more: Partial<Omit<LoadTask, "id">> = {}, dagId = "rows"): Dag {
  return makeDag({ id: dagId, tasks: [extractTask("x"), loadTask("l", ["x"], { fields, ...more })] });
}

test.run();
