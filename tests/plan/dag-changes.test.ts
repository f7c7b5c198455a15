import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseTaskId } from "../../src/ids.ts";
import { makePlan } from "../../src/plan/make-plan.ts";
import type { Plan } from "../../src/plan/model.ts";
import { phraseOf, say } from "../../src/plan/phrase.ts";
import type { Dag, Field } from "../../src/scrape/model.ts";
import { extractTask, loadTask, makeDag, transformTask } from "../release/make-dags.ts";
import { makeContents, now, planOf } from "./make-contents.ts";

test("a plan from nothing adds every DAG", () => {
  const plan = makePlan(null, makeContents([makeDag({ id: "a" }), makeDag({ id: "b" })]), { now });
  assert.equal(
    plan.dags.map(({ dag, change }) => [dag, change]),
    [
      ["a", "added"],
      ["b", "added"],
    ],
  );
  assert.is(plan.base, null);
  assert.not(plan.nothing);
});

test("DAGs that were added, removed and changed are told from those that stay", () => {
  const stays = makeDag({ id: "stays" });
  const plan = planOf(
    [stays, makeDag({ id: "goes" }), makeDag({ id: "varies" })],
    [stays, makeDag({ id: "comes" }), makeDag({ id: "varies", retries: 1 })],
  );
  assert.equal(
    plan.dags.map(({ dag, change }) => [dag, change]),
    [
      ["comes", "added"],
      ["goes", "removed"],
      ["varies", "changed"],
    ],
  );
  assert.is(plan.total, 3);
});

test("settings change in the words of the YAML", () => {
  const cron = (expression: string) => ({ schedule: { kind: "cron", expression } }) as const;
  assert.equal(said(cron("0 0 * * *"), cron("0 0 * * 0")), ["schedule @daily → @weekly"]);
  assert.equal(said(cron("0 0 * * *"), {}), ["schedule @daily → on demand"]);
  assert.equal(said({}, { schedule: { kind: "assets", tables: ["trips", "zones"] } }), ["schedule on demand → when loaded: trips, zones"]);
  assert.equal(said({}, { startDate: "2009-01-01" }), ["start date 2024-01-01 → 2009-01-01"]);
  assert.equal(said({}, { endDate: "2025-01-01" }), ["end date set to 2025-01-01"]);
  assert.equal(said({}, { catchup: true }), ["catchup false → true"]);
  assert.equal(said({}, { owner: "someone" }), ["owner data-platform → someone"]);
  assert.equal(said({ tags: ["a"] }, { tags: ["a", "b"] }), ['tags ["a"] → ["a","b"]']);
  assert.equal(said({ url: "https://a.example/x" }, { url: null }), ["url no longer set, was https://a.example/x"]);
  assert.equal(said({ retries: 2 }, { retries: 3 }), ["retries 2 → 3"]);
  assert.equal(said({}, { retryDelaySeconds: 5400 }), ["retry delay 5m → 1h30m"]);
  assert.equal(said({}, { email: ["a@example.com"], emailOn: { failure: true, retry: false, success: false } }), [
    'email set to ["a@example.com"]',
    "email on failure false → true",
  ]);
});

test("params are added, removed and changed by name", () => {
  const before = { params: { kept: { default: 1 }, gone: { default: "x" } } };
  const after = { params: { kept: { default: 2 }, fresh: { type: "string" } } };
  assert.equal(said(before, after), [
    'param fresh added: {"type":"string"}',
    'param gone removed, was {"default":"x"}',
    'param kept {"default":1} → {"default":2}',
  ]);
});

test("tasks are added and removed, and a dependency moves", () => {
  const tasks = [extractTask("y"), extractTask("x"), transformTask("t", ["y"])];
  assert.equal(said({ tasks }, { tasks: [tasks[0], tasks[1], transformTask("t", ["x"])] as Dag["tasks"] }), [
    "t: now after x instead of y",
  ]);
  assert.equal(said({ tasks }, { tasks: [tasks[0], tasks[1], transformTask("t", ["x", "y"])] as Dag["tasks"] }), ["t: now also after x"]);
  assert.equal(said({ tasks }, { tasks: [tasks[0], transformTask("t", ["y"]), extractTask("z")] as Dag["tasks"] }), [
    "x: task removed, was: extract, calls extract",
    "z: task added: extract, calls extract",
  ]);
});

test("a task's own settings change in the words of the YAML", () => {
  const before = { tasks: [extractTask("x", { retries: 2, params: { color: "green" } })] };
  const after = {
    tasks: [
      extractTask("x", {
        retries: 3,
        pool: "slow",
        executionTimeoutSeconds: 60,
        callable: "fetch",
        fileExtension: "json",
        params: { color: "red" },
      }),
    ],
  };
  assert.equal(said(before, after), [
    "x: callable extract → fetch",
    "x: file extension csv → json",
    "x: retries 2 → 3",
    "x: execution timeout set to 1m",
    "x: pool set to slow",
    "x: param color green → red",
  ]);
});

test("fields are added, removed, retyped and reordered; mode, key and tolerance change", () => {
  const field = (name: string, type: Field["type"]): Field => ({ name, type, description: null });
  const load = (fields: Field[], more: object = {}) => ({ tasks: [extractTask("x"), loadTask("l", ["x"], { fields, ...more })] });
  const [a, b, c] = [field("a", { name: "INTEGER" }), field("b", { name: "VARCHAR", length: 5 }), field("c", { name: "TEXT" })];
  assert.equal(said(load([a, b]), load([a, field("b", { name: "VARCHAR", length: 9 }), c])), [
    "l: field b VARCHAR(5) → VARCHAR(9)",
    "l: field c added: TEXT",
  ]);
  assert.equal(said(load([a, b, c]), load([c, a])), [
    "l: field b removed, was VARCHAR(5)",
    "l: fields reordered (a table's columns keep their order)",
  ]);
  const upsert = { mode: { kind: "upsert", key: ["a"] }, maxBadRows: 5 };
  assert.equal(said(load([a]), load([a], upsert)), ["l: mode replace → upsert by a", "l: max bad rows 0 → 5"]);
});

test("a description of a field changes nothing that is deployed", () => {
  const tasks = (description: string) => [
    extractTask("x"),
    loadTask("l", ["x"], { fields: [{ name: "a", type: { name: "INTEGER" }, description }] }),
  ];
  const [before, after] = [makeContents([makeDag({ tasks: tasks("one") })]), makeContents([makeDag({ tasks: tasks("two") })])];
  assert.is(before.id, after.id);
  assert.ok(makePlan(before, after, { now }).nothing);
});

test("a README is documentation only: it is deployed, and the plan says that nothing runs otherwise", () => {
  const plan = makePlan(makeContents([makeDag()]), makeContents([makeDag()], { readme: "# other\n" }), { now });
  assert.equal(phrases(plan), ["README changed (documentation only)"]);
  assert.ok(plan.documentationOnly);
  assert.not(plan.nothing);
  const both = makePlan(makeContents([makeDag()]), makeContents([makeDag({ retries: 1 })], { readme: "# other\n" }), { now });
  assert.not(both.documentationOnly);
});

test("a line that moved in the YAML is no change of the DAG", () => {
  const plan = planOf(
    [makeDag()],
    [
      makeDag({
        line: 3,
        tasks: [extractTask("extract"), transformTask("transform", ["extract"]), { ...loadTask("load", ["transform"]), line: 40 }],
      }),
    ],
  );
  assert.equal(phrases(plan), ["comments or order of the YAML only: nothing that runs changes"]);
  assert.ok(plan.documentationOnly);
});

test("a configuration changes value by value, or as a whole when that is long", () => {
  const plan = (config: string) => phrases(makePlan(makeContents([makeDag()]), makeContents([makeDag()], { config }), { now }));
  assert.equal(plan('{"limit": 2, "constructor": {"deep": [1]}}'), [
    "configuration configs/rows/config.json: limit 1 → 2",
    'configuration configs/rows/config.json: constructor added: {"deep":[1]}',
  ]);
  assert.equal(plan("not json"), ["configuration configs/rows/config.json changed"]);
  assert.equal(plan(JSON.stringify(Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`k${index}`, index])))), [
    "configuration configs/rows/config.json changed",
  ]);
});

test("a release from before definitions were kept gives changed DAGs, details unknown", () => {
  const plan = makePlan(makeContents([makeDag()], { definitions: false }), makeContents([makeDag({ retries: 1 })]), { now });
  assert.equal(
    plan.dags[0]?.changes.map(({ what }) => what),
    ["details unknown"],
  );
  assert.match(plan.dags[0]?.python ?? "", /^\+ .*"retries": 1/m);
  assert.equal(
    plan.tables.map(({ change }) => change),
    ["unknown"],
  );
});

test("a definition that was altered is as good as none", () => {
  const base = makeContents([makeDag()], { more: { "definitions/rows.json": '{"definition_version":1}' } });
  assert.equal(
    makePlan(base, makeContents([makeDag()]), { now }).dags[0]?.changes.map(({ what }) => what),
    ["details unknown"],
  );
});

test("the plan's id is of the deployed release, the new one and the infra diff, and of nothing else", () => {
  const [before, after] = [makeContents([makeDag()]), makeContents([makeDag({ retries: 1 })])];
  const id = makePlan(before, after, { now }).id;
  assert.is(makePlan(before, after, { now: new Date(0), inFlight: { rows: 1 } }).id, id);
  assert.is.not(makePlan(null, after, { now }).id, id);
  assert.is.not(makePlan(after, before, { now }).id, id);
  assert.is.not(makePlan(before, after, { now, infra: { changes: [], widened: [], destructive: [], refused: [], digest: "x" } }).id, id);
});

test("the same release is nothing to deploy, unless a cloud resource changes", () => {
  const [before, after] = [makeContents([makeDag()]), makeContents([makeDag()])];
  assert.ok(makePlan(before, after, { now }).nothing);
  const infra = {
    changes: [{ stack: "s", resource: "r", type: "t", action: "create" }],
    widened: [],
    destructive: [],
    refused: [],
    digest: "x",
  };
  assert.not(makePlan(before, after, { now, infra }).nothing);
});

test("a plan survives being written as JSON", () => {
  const plan = planOf([makeDag()], [makeDag({ id: "other", params: { x: { default: 1 } } })]);
  assert.equal(JSON.parse(JSON.stringify(plan)), plan);
});

test("a bundle changed because of the files whose text differs", () => {
  const code = { "functions.ts": "a", "helpers.ts": "b" };
  const plan = makePlan(makeContents([makeDag()], { code }), makeContents([makeDag()], { code: { ...code, "helpers.ts": "c" } }), { now });
  assert.equal(plan.code, [{ bundle: "functions/rows.mjs", change: "changed", dags: ["rows"], because: ["scrapes/rows/helpers.ts"] }]);
  assert.equal(phrases(plan), ["code changed: functions/rows.mjs"]);
});

/** The changes of one DAG that was and is so, as they are said. */
function said(before: Partial<Omit<Dag, "id">>, after: Partial<Omit<Dag, "id">>): string[] {
  return phrases(planOf([makeDag(before)], [makeDag(after)]));
}

function phrases(plan: Plan): string[] {
  return (plan.dags[0]?.changes ?? []).map(
    (change) => `${change.task === null ? "" : `${parseTaskId(change.task)}: `}${say(phraseOf(change), (text) => text)}`,
  );
}

test.run();
