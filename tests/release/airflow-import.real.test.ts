import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { renderDag } from "../../src/release/render-dag.ts";
import type { Dag, ParamSpec } from "../../src/scrape/model.ts";
import { runPython, scratchAirflow, writeDag } from "./airflow.ts";
import { hostileTexts } from "./hostile.ts";
import { extractTask, loadTask, makeDag, transformTask } from "./make-dags.ts";

/** What dump-dags.py tells of a DAG after Airflow stored it and read it back. */
interface Served {
  readonly description: string;
  readonly doc_md: string | null;
  readonly tags: readonly string[];
  readonly catchup: boolean;
  readonly paused: boolean | null;
  readonly max_active_runs: number;
  readonly timezone: string;
  readonly start: string;
  readonly end: string | null;
  readonly params: Readonly<Record<string, { value: unknown; schema: Record<string, unknown>; description: string | null }>>;
  readonly runs: readonly (readonly string[])[];
  readonly assets: readonly (readonly string[])[];
  readonly on_success: boolean;
  readonly tasks: Readonly<Record<string, ServedTask>>;
  readonly tasks_as_written: Readonly<Record<string, { to: readonly (readonly string[])[]; events: readonly string[] }>>;
  readonly templates: readonly unknown[];
  readonly stable: boolean;
}

interface ServedTask {
  readonly owner: string;
  readonly retries: number;
  readonly retry_delay: number;
  readonly execution_timeout: number | null;
  readonly pool: string;
  readonly outlets: readonly (readonly string[])[];
  readonly upstream: readonly string[];
  readonly on_failure: boolean;
  readonly on_retry: boolean;
  readonly mapped: boolean;
}

// Airflow refuses a tag of more than 100 characters and a text that PostgreSQL cannot hold; the check stage says so before.
const allMail = { failure: true, retry: true, success: true };
const texts = hostileTexts;
const hostile = texts.map((text, index) => makeHostile(`hostile_${index}`, text));

const months: Record<string, ParamSpec> = {
  from_month: { type: "string", pattern: "^\\d{4}-\\d{2}$", default: "2023-01", title: "First month", description: "Included" },
  to_month: { type: "string", default: "2023-02" },
  limit: { type: ["integer", "null"], default: null, minimum: 1 },
  share: { type: "number", default: 0.25 },
  kind: { type: "string", enum: ["green", "yellow"], default: "green" },
  dry: { type: "boolean", default: false },
  day: { type: "string", format: "date", default: "2024-02-29" },
  time: { type: "string", format: "time", default: "12:13:14" },
  moment: { type: "string", format: "date-time", default: "2024-01-31T08:30:00Z" },
  many: { type: "array", default: ["a", "b"] },
  object: { type: "object", default: { a: [1, { b: null }] } },
};

const others: Dag[] = [
  makeDag({ id: "monthly", schedule: { kind: "cron", expression: "0 9 29 * *" }, catchup: true, maxActiveRuns: 3, paused: true }),
  makeDag({
    id: "daily",
    schedule: { kind: "cron", expression: "@daily" },
    timezone: "Europe/Berlin",
    startDate: "2024-03-29",
    endDate: "2024-03-31T12:00",
  }),
  makeDag({ id: "on_demand", params: months }),
  makeDag({
    id: "weekend",
    schedule: { kind: "cron", expression: "0 6 * * SAT-SUN" },
    startDate: "2024-03-01",
    catchup: true,
    params: months,
  }),
  makeDag({ id: "required", params: { name: { type: "string" } } }),
  makeDag({ id: "each", params: months, eachMonth: { from: "from_month", to: "to_month" }, email: ["a@example.com"], emailOn: allMail }),
  makeDag({ id: "after_two", schedule: { kind: "assets", tables: ["rows", "context"] } }),
  makeDag({
    id: "dunder",
    tasks: [extractTask("class"), transformTask("__proto__", ["class"]), loadTask("None", ["class", "__proto__"], { table: "context" })],
  }),
  makeDag({
    id: "settings",
    retries: 2,
    retryDelaySeconds: 60,
    email: ["a@example.com", "b@example.com"],
    emailOn: { failure: true, retry: false, success: false },
    tasks: [
      extractTask("plain"),
      loadTask("own", ["plain"], { retries: 5, retryDelaySeconds: 1.5, executionTimeoutSeconds: 3600, pool: "database", table: "rows" }),
    ],
  }),
];

const airflow = scratchAirflow();
let errors: Record<string, string>;
let served: Record<string, Served>;

test.before(async () => {
  for (const [index, dag] of hostile.entries()) writeDag(airflow, dag.id, renderDag(dag, texts[index] ?? ""));
  for (const dag of others) writeDag(airflow, dag.id, renderDag(dag, `# ${dag.id}\n`));
  const output = await runPython(airflow, [join(import.meta.dirname, "dump-dags.py"), airflow.dags]);
  ({ errors, dags: served } = JSON.parse(output) as { errors: Record<string, string>; dags: Record<string, Served> });
});

test.after(() => rmSync(airflow.home, { recursive: true, force: true }));

test("every rendered DAG imports in Airflow", () => {
  assert.equal(errors, {});
  assert.equal(Object.keys(served).sort(), [...hostile, ...others].map((dag) => dag.id as string).sort());
});

test("a DAG that is read twice is the same version of it", () => {
  assert.equal(
    Object.entries(served).filter(([, dag]) => !dag.stable),
    [],
  );
});

for (const [index, text] of texts.entries()) {
  test(`the text ${JSON.stringify(text).slice(0, 40)} arrives in Airflow unchanged`, () => {
    const dag = get(`hostile_${index}`);
    assert.is(dag.description, text);
    assert.is(dag.doc_md ?? "", text);
    assert.equal(dag.tags, text.length > 100 ? [] : [text]);
    assert.equal(dag.params, {
      [`p${text}`]: { value: text, description: text, schema: { type: "string", title: text, enum: [text], examples: [{ [text]: text }] } },
    });
    const extract = task(dag, "extract");
    assert.is(extract.owner, text);
    assert.is(extract.pool, text);
    assert.equal(dag.tasks_as_written.extract?.to, [[text], [text]]);
  });
}

test("nothing is left for Airflow to render as a template", () => {
  for (const dag of Object.values(served)) assert.equal(dag.templates, []);
});

test("a cron schedule runs after each interval ended, and only as far back as catch-up asks", () => {
  const monthly = get("monthly");
  assert.equal(monthly.runs.slice(0, 2), [
    ["2024-01-29T09:00:00+00:00", "2024-02-29T09:00:00+00:00", "2024-02-29T09:00:00+00:00"],
    ["2024-02-29T09:00:00+00:00", "2024-03-29T09:00:00+00:00", "2024-03-29T09:00:00+00:00"],
  ]);
  assert.is(monthly.catchup, true);
  assert.is(monthly.paused, true);
  assert.is(monthly.max_active_runs, 3);
  assert.is(get("daily").catchup, false);
  assert.is(get("daily").paused, false, "said, so that no default of Airflow's decides it");
});

test("a schedule follows its time zone across the change of the clocks, until its end", () => {
  const daily = get("daily");
  assert.is(daily.timezone, "Europe/Berlin");
  assert.is(Date.parse(daily.start), Date.parse("2024-03-28T23:00Z"));
  assert.is(Date.parse(daily.end ?? ""), Date.parse("2024-03-31T10:00Z"));
  assert.equal(
    daily.runs.map((run) => run.slice(0, 2)),
    [
      ["2024-03-28T23:00:00+00:00", "2024-03-29T23:00:00+00:00"],
      ["2024-03-29T23:00:00+00:00", "2024-03-30T23:00:00+00:00"],
      ["2024-03-30T23:00:00+00:00", "2024-03-31T22:00:00+00:00"],
    ],
  );
});

test("a schedule of the weekend runs on Saturdays and Sundays, with params of every format", () => {
  assert.equal(
    get("weekend").runs.map(([start]) => start),
    ["2024-03-02T06:00:00+00:00", "2024-03-03T06:00:00+00:00", "2024-03-09T06:00:00+00:00"],
  );
});

test("a DAG on demand has no runs of its own", () => {
  assert.equal(get("on_demand").runs, []);
});

test("a DAG can be scheduled on the tables that another one loads", () => {
  const after = get("after_two").assets;
  assert.equal(after, [
    ["rows", "x-dagline://tables/rows"],
    ["table:context", "x-dagline://tables/context"],
  ]);
  assert.equal([...task(get("settings"), "own").outlets, ...task(get("dunder"), "None").outlets], after);
  assert.equal(task(get("settings"), "plain").outlets, []);
});

test("params reach the trigger form with their types, limits, titles and defaults", () => {
  const { params } = get("on_demand");
  for (const [name, { default: value, description, ...schema }] of Object.entries(months)) {
    assert.equal(params[name], { value, schema, description: description ?? null }, name);
  }
  assert.equal(Object.keys(params), Object.keys(months));
});

test("a param without a default must be filled in", () => {
  assert.equal(get("required").params.name, { value: null, schema: { type: "string" }, description: null });
});

test("a task's own settings go before the DAG's", () => {
  const { plain, own } = get("settings").tasks;
  assert.equal([plain?.retries, plain?.retry_delay, plain?.execution_timeout, plain?.pool], [2, 60, null, "default_pool"]);
  assert.equal([own?.retries, own?.retry_delay, own?.execution_timeout, own?.pool], [5, 1.5, 3600, "database"]);
});

test("mail goes to everyone for the events that are asked for", () => {
  const dag = get("settings");
  assert.equal(dag.tasks_as_written.own, { to: [["a@example.com", "b@example.com"]], events: ["failure"] });
  assert.equal([task(dag, "own").on_failure, task(dag, "own").on_retry, dag.on_success], [true, false, false]);
  assert.equal([task(get("each"), "load").on_failure, task(get("each"), "load").on_retry, get("each").on_success], [true, true, true]);
});

test("tasks depend on each other as written, whatever they are called", () => {
  const { tasks } = get("dunder");
  assert.equal(Object.fromEntries(Object.entries(tasks).map(([id, { upstream }]) => [id, upstream])), {
    class: [],
    ["__proto__"]: ["class"],
    None: ["__proto__", "class"],
  });
});

test("a DAG for each month maps all its tasks over the months of a range, under their own names", () => {
  const { tasks } = get("each");
  assert.equal(
    Object.entries(tasks).map(([id, { mapped }]) => [id, mapped]),
    [
      ["months", false],
      ["extract", true],
      ["transform", true],
      ["load", true],
    ],
  );
  assert.ok(task(get("each"), "load").upstream.includes("transform"));
});

function makeHostile(id: string, text: string): Dag {
  const schema = { type: "string", title: text, enum: [text], examples: [{ [text]: text }] };
  return makeDag({
    id,
    owner: text,
    description: text,
    tags: text.length > 100 ? [] : [text],
    params: { [`p${text}`]: { default: text, description: text, ...schema } },
    email: [text],
    emailOn: allMail,
    tasks: [extractTask("extract", { pool: text }), loadTask("load", ["extract"])],
  });
}

function get(id: string): Served {
  const dag = served[id];
  if (dag === undefined) throw new Error(`${id} is not in Airflow`);
  return dag;
}

function task(dag: Served, id: string): ServedTask {
  const found = dag.tasks[id];
  if (found === undefined) throw new Error(`no task ${id}`);
  return found;
}

test.run();
