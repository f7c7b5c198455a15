import { test } from "uvu";
import * as assert from "uvu/assert";
import { renderSpec } from "../../src/release/dag-spec.ts";
import type { Dag } from "../../src/scrape/model.ts";
import { extractTask, loadTask, makeDag, transformTask } from "./make-dags.ts";

const spec = (dag: Dag) => JSON.parse(renderSpec(dag, { functions: "functions/taxi.mjs", config: null }));

test("a spec says what the task runner needs, in the form that the architecture page gives", () => {
  const dag = makeDag({
    id: "new_york_taxi",
    url: "https://data.example.com/{taxi_type}_{year}-{month}.parquet",
    tasks: [
      extractTask("extract_green", { fileExtension: "parquet", params: { taxi_type: "green" }, waitForDataSeconds: 86_400 }),
      transformTask("transform_green", ["extract_green"], { comparisonCheck: true, params: { taxi_type: "green" } }),
      loadTask("load_green", ["transform_green"], {
        table: "new_york_taxi",
        mode: { kind: "append", slice: "{taxi_type}-{year}-{month}" },
        fields: [{ name: "vendor_id", type: { name: "NUMERIC", precision: null, scale: null }, description: "x" }],
      }),
    ],
  });
  assert.equal(spec(dag), {
    dag: "new_york_taxi",
    scrape: "new_york_taxi",
    url: "https://data.example.com/{taxi_type}_{year}-{month}.parquet",
    functions: "functions/taxi.mjs",
    config: null,
    each_month: null,
    timezone: "UTC",
    tasks: {
      extract_green: {
        kind: "extract",
        callable: "extract",
        extension: "parquet",
        params: { taxi_type: "green" },
        dependencies: [],
        compare_with: [],
        wait_seconds: 86_400,
      },
      transform_green: {
        kind: "transform",
        callable: "transform",
        extension: "csv",
        params: { taxi_type: "green" },
        dependencies: ["extract_green"],
        compare_with: ["load_green"],
      },
      load_green: {
        kind: "load",
        table: "new_york_taxi",
        mode: { kind: "append", slice: "{taxi_type}-{year}-{month}" },
        params: {},
        max_bad_rows: 0,
        fields: [{ name: "vendor_id", type: { name: "NUMERIC", precision: null, scale: null } }],
        dependencies: ["transform_green"],
        confirms: ["transform_green"],
      },
    },
  });
});

test("a task is compared with every load that its rows end in, however many tasks lie between", () => {
  const { tasks } = spec(
    makeDag({
      tasks: [
        extractTask("a", { comparisonCheck: true }),
        extractTask("b"),
        transformTask("left", ["a"]),
        transformTask("right", ["a", "b"], { comparisonCheck: true }),
        transformTask("joined", ["left", "right"]),
        loadTask("one", ["joined"]),
        loadTask("two", ["right"]),
        loadTask("three", ["b"]),
      ],
    }),
  );
  assert.equal(tasks.a.compare_with, ["one", "two"]);
  assert.equal(tasks.b.compare_with, []);
  assert.equal(tasks.right.compare_with, ["one", "two"]);
  assert.equal(tasks.joined.compare_with, []);
  assert.equal(tasks.one.confirms, ["a", "right"]);
  assert.equal(tasks.two.confirms, ["a", "right"]);
  assert.equal(tasks.three.confirms, []);
});

test("a DAG for each month names the two params of its range", () => {
  assert.equal(spec(makeDag({ eachMonth: { from: "first", to: "last" } })).each_month, { from: "first", to: "last" });
});

test("params and names that are JavaScript's own survive", () => {
  const dag = makeDag({
    tasks: [extractTask("__proto__", { params: { ["__proto__"]: "x", constructor: 1 } }), loadTask("load", ["__proto__"])],
  });
  assert.equal(Object.keys(spec(dag).tasks), ["__proto__", "load"]);
  assert.equal(Object.entries(Object.values<{ params: object }>(spec(dag).tasks)[0]?.params ?? {}), [
    ["__proto__", "x"],
    ["constructor", 1],
  ]);
});

test.run();
