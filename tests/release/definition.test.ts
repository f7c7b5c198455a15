import { test } from "uvu";
import * as assert from "uvu/assert";
import { UserError } from "../../src/errors.ts";
import { fieldsOf, parseDefinition, renderDefinition } from "../../src/release/definition.ts";
import { hostileTexts } from "./hostile.ts";
import { extractTask, loadTask, makeDag } from "./make-dags.ts";

const paths = { readme: "digest", functions: "functions/rows.mjs", config: null };
const text = (dag = makeDag()): string => Buffer.from(renderDefinition(dag, paths)).toString();

test("a definition is read as it was written, whatever texts it holds", () => {
  for (const hostile of hostileTexts) {
    const dag = makeDag({
      owner: hostile,
      tags: [hostile],
      params: { [hostile]: { default: hostile } },
      tasks: [extractTask("x", { pool: hostile }), loadTask("l", ["x"])],
    });
    const definition = parseDefinition(text(dag));
    assert.is(definition.owner, hostile);
    assert.equal(definition.params, { [hostile]: { default: hostile } });
  }
});

test("types of fields are spelled as in the YAML, and read back", () => {
  const types = [
    { name: "NUMERIC", precision: null, scale: null },
    { name: "NUMERIC", precision: 12, scale: null },
    { name: "NUMERIC", precision: 12, scale: 2 },
    { name: "VARCHAR", length: 20 },
    { name: "TIMESTAMPTZ" },
  ] as const;
  const fields = types.map((type, index) => ({ name: `f${index}`, type, description: "prose" }));
  const [load] = parseDefinition(text(makeDag({ tasks: [loadTask("l", [], { fields })] }))).tasks;
  assert.ok(load?.kind === "load");
  assert.equal(
    load.fields.map(({ type }) => type),
    ["NUMERIC", "NUMERIC(12)", "NUMERIC(12,2)", "VARCHAR(20)", "TIMESTAMPTZ"],
  );
  assert.equal(
    fieldsOf(load),
    fields.map((field) => ({ ...field, description: null })),
  );
});

test("a wait for data is in it only where one is set, so that earlier releases stay what they are", () => {
  const waits = parseDefinition(text(makeDag({ tasks: [extractTask("x", { waitForDataSeconds: 3600 })] }))).tasks[0];
  assert.is(waits?.kind === "extract" && waits.wait_for_data, 3600);
  assert.not.match(text(makeDag({ tasks: [extractTask("x")] })), /wait_for_data/);
});

test("line numbers and descriptions of fields are not in it", () => {
  assert.is(text(makeDag({ line: 99 })), text());
  assert.not.match(text(), /"line"|"description":null/);
});

test("a definition that was altered is refused with what is wrong", () => {
  const altered =
    (change: object): (() => unknown) =>
    () =>
      parseDefinition(JSON.stringify({ ...JSON.parse(text()), ...change }));
  for (const change of [
    { definition_version: 2 },
    { dag: "../x" },
    { retries: "2" },
    { extra: 1 },
    { tasks: [{}] },
    { timezone: "Mars/Base" },
  ]) {
    assert.throws(
      altered(change),
      (error: unknown) => error instanceof UserError && /^not the definition of a DAG: /.test(error.message),
      JSON.stringify(change),
    );
  }
  const { tasks } = JSON.parse(text());
  assert.throws(altered({ tasks: [...tasks, tasks[0]] }), /a task is in it twice/);
  assert.throws(altered({ tasks: [{ ...tasks[2], fields: [{ name: "a", type: "MONEY" }] }] }), /no such type/);
  assert.throws(() => parseDefinition("{"), /it is not JSON/);
});

test.run();
