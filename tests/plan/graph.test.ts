import { test } from "uvu";
import * as assert from "uvu/assert";
import { extractTask, loadTask, makeDag, transformTask } from "../release/make-dags.ts";
import { planOf } from "./make-contents.ts";

const graph = (...args: Parameters<typeof planOf>): string[] =>
  (planOf(...args).dags[0]?.graph ?? "").split("\n").map((line) => line.trim());

test("added, removed and changed tasks are marked by a word and a class, moved dependencies by their line", () => {
  const before = makeDag({ tasks: [extractTask("x"), extractTask("old"), transformTask("t", ["old"]), loadTask("l", ["t"])] });
  const after = makeDag({ tasks: [extractTask("x"), extractTask("fresh"), transformTask("t", ["fresh"]), loadTask("l", ["t"])] });
  const lines = graph([before], [after]);
  assert.is(lines[0], "flowchart LR");
  for (const line of [
    'n0["x"]:::same',
    'n1["new: fresh"]:::added',
    'n2["changed: t"]:::changed',
    'n4["gone: old"]:::removed',
    'n5[("rows")]:::same',
    "n1 ==> n2",
    "n2 --> n3",
    "n4 -.-> n2",
    "n3 --> n5",
  ]) {
    assert.ok(lines.includes(line), line);
  }
});

test("colours are of outlines only, so that the text reads on any ground", () => {
  const classes = graph([], [makeDag()]).filter((line) => line.startsWith("classDef"));
  assert.is(classes.length, 4);
  assert.not(classes.some((line) => /fill|color:/.test(line)));
});

test("a table's name is text in the graph, whatever it is", () => {
  const table = '"]; click n0 href "javascript:x" %%{init}%% `end` <b> #quot; \n subgraph';
  const lines = graph([], [makeDag({ tasks: [loadTask("l", [], { table: table.slice(0, 63) })] })]);
  const label = lines.find((line) => line.includes("[(")) ?? "";
  assert.match(label, /^n1\[\("(?:[A-Za-z0-9 _]|#\d+;)+"\)\]:::same$/);
  assert.is(lines.length, 1 + 2 + 1 + 4);
});

test("of a large DAG, what changed and its neighbours are drawn", () => {
  const tasks = Array.from({ length: 200 }, (_, index) => transformTask(`t${index}`, index === 0 ? [] : [`t${index - 1}`]));
  const lines = graph(
    [makeDag({ tasks })],
    [makeDag({ tasks: tasks.map((task) => (task.id === "t100" ? { ...task, retries: 3 } : task)) })],
  );
  assert.ok(lines.includes('n0["changed: t100"]:::changed'));
  assert.ok(lines.includes('more["197 more, not drawn"]:::same'));
  assert.ok(lines.length < 20);
});

test.run();
