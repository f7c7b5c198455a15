import { test } from "uvu";
import * as assert from "uvu/assert";
import { planMarkdown, planText } from "../../src/plan/report.ts";
import type { Dag, LoadTask } from "../../src/scrape/model.ts";
import { extractTask, loadTask, makeDag } from "../release/make-dags.ts";
import { planOf } from "./make-contents.ts";

const append = (slice: string | null = null) => ({ mode: { kind: "append", slice } }) as const;

test("a DAG that is renamed doubles its rows, unless the new one adopts them", () => {
  const before = [dag("readings", "load", append())];
  const plan = planOf(before, [dag("readings2", "load", append())]);
  assert.equal(
    plan.destructive.map(({ table, why }) => ({ table, why })),
    [
      {
        table: "rows",
        why: "readings.load is gone: its rows stay, and those that readings2.load loads again are doubled. Take them over: `dagline adopt readings.load readings2.load`.",
      },
    ],
  );
  const adopted = planOf(before, [dag("readings2", "load", { ...append(), adopts: [{ dag: "readings", task: "load" }] })]);
  assert.equal(adopted.destructive, []);
  assert.equal(adopted.tables[0]?.adopted, ["readings2.load takes over the rows of readings.load"]);
});

test("a load task that is renamed doubles its rows, unless the new one adopts them", () => {
  const before = [dag("rows", "load", append())];
  assert.match(whys(before, [dag("rows", "load_all", append())])[0] ?? "", /dagline adopt rows\.load rows\.load_all/);
  assert.equal(whys(before, [dag("rows", "load_all", { ...append(), adopts: [{ dag: "rows", task: "load" }] })]), []);
});

test("whoever loads a slice, it is the same: a new name of its DAG or task changes nothing", () => {
  assert.equal(whys([dag("rows", "load", append("{date}"))], [dag("rows2", "load_all", append("{year}-{month}-{day}"))]), []);
});

test("another slice template doubles rows, unless the load adopts the old one", () => {
  const before = [dag("rows", "load", append("{date}"))];
  assert.match(
    whys(before, [dag("rows", "load", append("r.{date}"))])[0] ?? "",
    /append by slice \{date\} → append by slice r\.\{date\}: .* `dagline adopt '\{date\}' rows\.load`/,
  );
  assert.equal(whys(before, [dag("rows", "load", { ...append("r.{date}"), adopts: [{ slice: "{date}" }] })]), []);
  assert.equal(whys(before, [dag("rows2", "load", { ...append("r.{date}"), adopts: [{ slice: "{date}" }] })]), []);
  assert.match(whys(before, [dag("rows", "load", append())])[0] ?? "", /→ append by run: rows that are there stay/);
});

test("a slice of other variables can't be taken over, and the plan does not propose it", () => {
  for (const after of [dag("rows", "load", append("{date}")), dag("rows2", "load", append("{date}"))]) {
    const [why = ""] = whys([dag("rows", "load", append("{date}T{hour}"))], [after]);
    assert.match(why, /Slices of other variables can't be taken over: keep the old template, or load into a new table\.$/);
    assert.not.match(why, /dagline adopt/);
  }
});

test("a note is shown to its end, where its cure stands, on a terminal and in a comment", () => {
  const name = (text: string) => text.repeat(60);
  const plan = planOf([dag("rows", "load", append(`${name("a")}-{date}`))], [dag(name("b"), name("c"), append(`${name("d")}-{date}`))]);
  const cure = `dagline adopt '${name("a")}-{date}' ${name("b")}.${name("c")}`;
  assert.is(planText(plan).split(cure).length, 3, "under Destructive and under Tables");
  const body = planMarkdown(plan).body.replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)));
  assert.is(body.split(cure).length, 3);
});

test("another value of a task's own param in a slice doubles rows", () => {
  const sliced = (type: string) => ({ ...append("{type}-{date}"), params: { type } });
  assert.is(whys([dag("rows", "load", sliced("green"))], [dag("rows", "load", sliced("Green"))]).length, 1);
});

test("each_month that is added or taken away doubles the rows of a load without a slice", () => {
  const eachMonth = { from: "a", to: "b" };
  const before = [dag("rows", "load", append())];
  assert.match(whys(before, [{ ...dag("rows", "load", append()), eachMonth }])[0] ?? "", /adds its rows a second time/);
  assert.equal(
    whys([dag("rows", "load", append("{year}-{month}"))], [{ ...dag("rows", "load", append("{year}-{month}")), eachMonth }]),
    [],
  );
});

test("a load that goes to another table leaves its rows where they are", () => {
  const other = dag("other", "load", append());
  const whys2 = whys([dag("rows", "load", append()), other], [dag("rows", "load", { ...append(), table: "fresh" }), other]);
  assert.equal(whys2, ["rows.load loads fresh from now on: the rows that it left here stay, and fresh begins without them"]);
});

test("a load that is gone from a table that others load leaves rows that nobody loads again", () => {
  for (const more of [append(), { mode: { kind: "upsert", key: ["id"] } } as const]) {
    const stays = dag("rows", "load", more);
    assert.equal(whys([stays, dag("more", "load", more)], [stays]), [
      "more.load is gone: its rows stay, and no load replaces them any more",
    ]);
  }
  const month = append("{year}-{month}");
  assert.equal(whys([dag("rows", "load", month), dag("more", "load", month)], [dag("rows", "load", month)]), [], "the same slices");
  const east = append("east-{date}");
  const anyRegion = [dag("rows", "load", append("{region}-{date}"))];
  assert.equal(whys([...anyRegion, dag("more", "load", east)], anyRegion), [], "slices that the other can load, too");
  assert.is(whys([dag("rows", "load", append("{date}")), dag("more", "load", east)], [dag("rows", "load", append("{date}"))]).length, 1);
});

test("where several new loads may be the renamed one, the plan names all of them", () => {
  const before = [dag("one", "load", append()), dag("two", "load", append())];
  const [why = ""] = whys(before, [dag("uno", "load", append()), dag("dos", "load", append())]);
  assert.is(
    why,
    "one.load is gone: its rows stay, and those that a new load loads again are doubled. Take them over: `dagline adopt one.load dos.load`, or the same with uno.load, whichever is its new name.",
  );
});

test("a second load of a table, and loads that merge or replace, double nothing", () => {
  assert.equal(whys([dag("rows", "load", append())], [dag("rows", "load", append()), dag("more", "load", append())]), []);
  const upsert = { mode: { kind: "upsert", key: ["id"] } } as const;
  assert.equal(whys([dag("rows", "load", upsert)], [dag("rows2", "load", upsert)]), []);
  assert.equal(whys([dag("rows", "load", {})], [dag("rows2", "load", {})]), []);
});

function whys(before: readonly Dag[], after: readonly Dag[]): string[] {
  return planOf(before, after).destructive.map(({ why }) => why);
}

function dag(id: string, load: string, more: Partial<Omit<LoadTask, "id">>): Dag {
  return makeDag({ id, tasks: [extractTask("x"), loadTask(load, ["x"], more)] });
}

test.run();
