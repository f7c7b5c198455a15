import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Preview, readPreview, writePreview } from "../../actions/preview-file.ts";
import { UserError } from "../../src/errors.ts";
import { hostileInReports } from "../plan/hostile.ts";
import { planOf } from "../plan/make-contents.ts";
import { makeDag, transformTask } from "../release/make-dags.ts";

const folder = mkdtempSync(join(tmpdir(), "dagline-preview-"));
test.before.each(() => {
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
});
test.after(() => rmSync(folder, { recursive: true }));

const plan = planOf(
  [makeDag(), makeDag({ id: "gone" })],
  [
    makeDag({ retries: 3, tasks: [transformTask("new_one", [])] }),
    makeDag({ id: "other", schedule: { kind: "cron", expression: "0 0 * * *" } }),
  ],
);
const preview: Preview = { pull: 3, commit: "b".repeat(40), environment: "production", basis: "deployed", plan };

/** A deep copy, with the member at `path` set. */
function altered(path: string, value: unknown): unknown {
  const copy = structuredClone(preview) as unknown as Record<string, unknown>;
  const names = path.split(".");
  const last = names.pop() ?? "";
  const at = names.reduce<Record<string, unknown>>((from, name) => from[name] as Record<string, unknown>, copy);
  at[last] = value;
  return copy;
}

function refusal(value: unknown): string {
  writeFileSync(join(folder, "preview.json"), typeof value === "string" ? value : JSON.stringify(value));
  try {
    readPreview(folder);
  } catch (error) {
    assert.instance(error, UserError, String(error));
    return (error as UserError).message;
  }
  throw new Error(`not refused: ${JSON.stringify(value)?.slice(0, 500)}`);
}

test("a preview that was written is read back as it was", () => {
  writePreview(folder, preview);
  assert.equal(readPreview(folder), preview);
});

test("hostile text, where text of users stands, is let through: printing escapes it", () => {
  for (const text of hostileInReports) {
    const hostile = {
      ...preview,
      plan: planOf([makeDag()], [makeDag({ owner: text, description: text, tasks: [transformTask("t", [], { callable: text })] })]),
    };
    writePreview(folder, hostile);
    assert.is(readPreview(folder).pull, 3, JSON.stringify(text));
  }
});

for (const [what, path, value] of [
  ["a text for a number", "plan.total", "<img>"],
  ["Markdown for a number of runs", "plan.upcoming.0.runsAtOnce", "[x](https://evil.example)"],
  ["a fraction", "plan.total", 1.5],
  ["a number below zero", "pull", -3],
  ["another pull request's name", "pull", "3/../4"],
  ["a short commit", "commit", "abc"],
  ["an environment with a comment's end", "environment", "x --> @everyone"],
  ["a basis of another kind", "basis", "trust me"],
  ["a plan id that is none", "plan.id", "`x`"],
  ["a key that nobody knows", "plan.html", "<b>"],
  ["a key that nobody knows in a DAG", "plan.dags.0.note", "x"],
  ["another kind of change", "plan.dags.0.change", "## pwned"],
  ["a time that is none", "plan.upcoming.0.nextRun", "2024-01-01T00:00:00Z @everyone"],
  ["a list for a text", "plan.dags.0.dag", ["x"]],
  ["another word for what is destructive", "plan.destructive.0", { what: "**x**", why: "", dag: null, table: null, resource: null }],
  ["another word for what is set", "plan.dags.0.changes.0", { task: null, what: "setting", name: "`x` [y](//z)", from: null, to: null }],
  ["no plan", "plan", null],
] as const) {
  test(`refused: ${what}`, () => assert.match(refusal(altered(path, value)), /^preview\.json is not what a preview writes: /));
}

test("refused: a graph that is not one of ours, as it would be printed as it is", () => {
  const graph = plan.dags.find((dag) => dag.graph !== null)?.graph ?? "";
  assert.match(graph, /^flowchart LR\n/);
  const at = plan.dags.findIndex((dag) => dag.graph !== null);
  for (const hostile of [
    "```\n@everyone <img src=x>",
    `${graph}\n\`\`\`\n# head`,
    `${graph}\n  click n0 href "javascript:alert(1)"`,
    `${graph}\n  n0["<b>"]:::same`,
    `${graph}\n%%{init: {"securityLevel": "loose"}}%%`,
    graph.replace("LR", "LR\r```"),
    `${graph}\n`,
    "",
  ]) {
    assert.match(refusal(altered(`plan.dags.${at}.graph`, hostile)), /graph must match pattern/, hostile);
  }
});

test("refused: what is missing, no JSON, cut off, a list, or null", () => {
  assert.throws(() => readPreview(folder), /is missing or not JSON/);
  for (const text of ["", "{", JSON.stringify(preview).slice(0, -1), "[]", "null", "3"])
    assert.match(refusal(text), /preview\.json is not/);
});

test("refused: 100 MB, without reading them; a folder; a link that leads elsewhere", () => {
  writeFileSync(join(folder, "preview.json"), "");
  truncateSync(join(folder, "preview.json"), 100e6);
  const memory = process.memoryUsage().rss;
  assert.throws(() => readPreview(folder), /more than \d+ bytes/);
  assert.ok(process.memoryUsage().rss - memory < 50e6);
  rmSync(join(folder, "preview.json"));
  mkdirSync(join(folder, "preview.json"));
  assert.throws(() => readPreview(folder), /preview\.json is not a file/);
  rmSync(join(folder, "preview.json"), { recursive: true });
  writePreview(folder, preview);
  symlinkSync("/etc/passwd", join(folder, "rows-after.json"));
  assert.throws(() => readPreview(folder), /rows-after\.json is not a file/);
});

test("recorded rows that lie beside it are compared, and refused when they are of another form", () => {
  writePreview(folder, preview);
  const load = { dag: "rows", task: "load", table: "rows", columns: ["id"], sample: [{ id: "1" }] };
  writeFileSync(join(folder, "rows-before.json"), JSON.stringify({ loads: [{ ...load, rows: 1 }] }));
  writeFileSync(join(folder, "rows-after.json"), JSON.stringify({ loads: [{ ...load, rows: 2 }] }));
  assert.equal(
    readPreview(folder).plan.rows.map(({ before, after }) => [before, after]),
    [[1, 2]],
  );
  for (const rows of ["**2**", -1, 1.5, null]) {
    writeFileSync(join(folder, "rows-after.json"), JSON.stringify({ loads: [{ ...load, rows }] }));
    assert.throws(() => readPreview(folder), /rows-after\.json holds no recorded loads/, String(rows));
  }
  const many = Array.from({ length: 200_000 }, (_, index) => ({ id: String(index) }));
  writeFileSync(join(folder, "rows-after.json"), JSON.stringify({ loads: [{ ...load, rows: 2, sample: many }] }));
  assert.throws(() => readPreview(folder), /sample/);
});

test.run();
