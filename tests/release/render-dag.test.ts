import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { pythonBin } from "../../local/paths.ts";
import { renderDag } from "../../src/release/render-dag.ts";
import { dagSchedule } from "../../src/release/render-time.ts";
import { sourceOf } from "../../src/release/source-comment.ts";
import type { Dag } from "../../src/scrape/model.ts";
import { hostileTexts, unstorableTexts } from "./hostile.ts";
import { extractTask, loadTask, makeDag, transformTask } from "./make-dags.ts";

const everything: Partial<Dag> = {
  schedule: { kind: "cron", expression: "0 9 29 * *" },
  endDate: "2030-01-01T10:30:00",
  timezone: "Europe/Berlin",
  maxActiveRuns: 2,
  tags: ["a", "b"],
  params: { from_month: { type: "string", default: "2023-01", description: "First month" }, to_month: { type: "string" } },
  email: ["data@example.com"],
  emailOn: { failure: true, retry: true, success: true },
  eachMonth: { from: "from_month", to: "to_month" },
};
const readme = "# Rows\n\nA long README.\n".repeat(10);

test("a plain DAG renders as a page that a reviewer can read", () => {
  assert.is(
    renderDag(makeDag(), "# Rows\n"),
    `# Rendered by dagline: change the source, not this file.  # scrapes/rows/rows.yml:2
import datetime

import pendulum
from airflow.sdk import DAG, Asset
from dagline_airflow.operator import DaglineOperator

with DAG(  # scrapes/rows/rows.yml:2
    dag_id="rows",
    description="Rows",
    schedule=None,
    start_date=pendulum.datetime(2024, 1, 1, tz="UTC"),
    catchup=False,
    is_paused_upon_creation=False,
    default_args={
        "owner": "data-platform",
        "retries": 0,
        "retry_delay": datetime.timedelta(seconds=300),
    },
    doc_md="# Rows\\n",
) as dag:
    tasks = {}  # scrapes/rows/rows.yml:2
    tasks["extract"] = DaglineOperator(  # scrapes/rows/rows.yml:10
        task_id="extract",
    )
    tasks["transform"] = DaglineOperator(  # scrapes/rows/rows.yml:10
        task_id="transform",
    )
    tasks["load"] = DaglineOperator(  # scrapes/rows/rows.yml:10
        task_id="load",
        outlets=[
            Asset(
                name="rows",
                uri="x-dagline://tables/rows",
            ),
        ],
    )
    tasks["extract"] >> tasks["transform"]  # scrapes/rows/rows.yml:10
    tasks["transform"] >> tasks["load"]  # scrapes/rows/rows.yml:10
`,
  );
});

test("rendered Python passes ruff's check and is formatted as ruff would", () => {
  for (const changes of [{}, everything, { ...everything, eachMonth: null, schedule: { kind: "assets", tables: ["a", "b"] } } as const]) {
    const python = renderDag(makeDag(changes), readme);
    for (const args of [
      ["check", "--quiet", "-"],
      ["format", "--check", "--quiet", "--diff", "-"],
    ]) {
      const { status, stdout } = spawnSync(join(pythonBin, "ruff"), ["--isolated", ...args], { input: python, encoding: "utf8" });
      assert.is(status, 0, stdout);
    }
  }
});

test("every statement, and every line within one, leads back to its YAML line", () => {
  const tasks = [extractTask("a", { line: 11 }), transformTask("b", ["a"], { line: 22 }), loadTask("c", ["b"], { line: 33 })];
  const python = renderDag(makeDag({ ...everything, eachMonth: null, line: 3, tasks }), readme);
  const lineOf = (text: string, from = 0): number => python.slice(0, python.indexOf(text, from)).split("\n").length;
  const yamlLine = (line: number): number | undefined => sourceOf(python, line)?.line;
  assert.equal(sourceOf(python, 1), { file: "scrapes/rows/rows.yml", line: 3 });
  for (const text of ["import pendulum", "with DAG(", "CronDataIntervalTimetable(", "Param(", "tasks = {}"])
    assert.is(yamlLine(lineOf(text)), 3, text);
  assert.is(yamlLine(lineOf('task_id="a"')), 11);
  assert.is(yamlLine(lineOf('task_id="b"')), 22);
  assert.is(yamlLine(lineOf("Asset(\n")), 33);
  assert.is(yamlLine(lineOf('tasks["a"] >>')), 22);
  assert.is(yamlLine(lineOf('tasks["b"] >>')), 33);
});

test("a file that dagline did not render leads nowhere", () => {
  assert.is(sourceOf("import os\nos.x\n", 2), null);
});

test("the name of a YAML file cannot leave its comment", () => {
  for (const name of ["a\nimport os", "a\r\nb", "coding: latin-1", "a b:3", "ü🚕", "a%0ab", "a'b(c)!*~", "\ud800"]) {
    const file = `scrapes/${name}/x.yml`;
    const python = renderDag(makeDag({ file }), "");
    assert.equal(sourceOf(python, 1), { file: file.toWellFormed(), line: 2 });
    assert.is(python.split("\n").length, renderDag(makeDag(), "").split("\n").length);
  }
});

test("nothing but literals differs between a plain DAG and a hostile one", () => {
  const shapes = [...hostileTexts, ...unstorableTexts].map((text) => {
    const params = { [`p${text}`]: { default: text, type: "string", description: text, enum: [text], title: text } };
    const tasks = [extractTask("a", { pool: text }), loadTask("b", ["a"], { table: text })];
    const schedule = { kind: "cron", expression: text } as const;
    const python = renderDag(
      makeDag({
        owner: text,
        description: text,
        tags: [text, text],
        email: [text],
        emailOn: everything.emailOn ?? makeDag().emailOn,
        params,
        tasks,
        schedule,
      }),
      `${text}.`,
    );
    // A start_date needs a zone that there is.
    return `${python}\n${dagSchedule({ schedule, timezone: text })}\n`;
  });
  // The tree of each, with every constant blanked; texts that are joined over lines are one constant there.
  const program = `
import ast, json, sys
class Blank(ast.NodeTransformer):
    def visit_Constant(self, node):
        return ast.Constant(type(node.value).__name__)
print(json.dumps(sorted({ast.dump(Blank().visit(ast.parse(text))) for text in json.load(sys.stdin)})))`;
  const trees: unknown = JSON.parse(
    execFileSync(join(pythonBin, "python"), ["-c", program], { input: JSON.stringify(shapes), encoding: "utf8", maxBuffer: 64e6 }),
  );
  // One with a README that looks like the name of a file, one for all others.
  assert.is(Array.isArray(trees) && trees.length, 1);
});

test("names that Airflow or Python keep for themselves are no hindrance", () => {
  const tasks = [
    extractTask("months"),
    transformTask("each_month", ["months"]),
    transformTask("class", ["each_month"]),
    loadTask("None", ["class"], { table: "context" }),
  ];
  const python = renderDag(makeDag({ ...everything, tasks }), "");
  assert.match(python, 'DaglineMonths(  # scrapes/rows/rows.yml:2\n        task_id="months_",');
  assert.match(python, 'group_id="each_month_"');
  assert.match(python, 'name="table:context"');
});

test("presets become cron, which reads the same in every version of Airflow", () => {
  for (const [preset, cron] of [
    ["@hourly", "0 * * * *"],
    ["@daily", "0 0 * * *"],
    ["@weekly", "0 0 * * 0"],
    ["@monthly", "0 0 1 * *"],
    ["@yearly", "0 0 1 1 *"],
  ]) {
    assert.match(
      renderDag(makeDag({ schedule: { kind: "cron", expression: preset ?? "" } }), ""),
      `CronDataIntervalTimetable("${cron}", timezone="UTC")`,
    );
  }
});

test("a date is read in the DAG's time zone, to the microsecond", () => {
  const rendered = (startDate: string): string =>
    /start_date=(.*),\n/.exec(renderDag(makeDag({ startDate, timezone: "Asia/Tokyo" }), ""))?.[1] ?? "";
  assert.is(rendered("2009-01-01"), 'pendulum.datetime(2009, 1, 1, tz="Asia/Tokyo")');
  assert.is(rendered("2009-01-01T09:30"), 'pendulum.datetime(2009, 1, 1, 9, 30, tz="Asia/Tokyo")');
  assert.is(rendered("2009-12-31 23:59:59.5"), 'pendulum.datetime(2009, 12, 31, 23, 59, 59, 500000, tz="Asia/Tokyo")');
});

test("of a midnight that comes twice, a DAG starts at the first and ends at the second", () => {
  const dag = { startDate: "2023-11-05", endDate: "2024-11-03", timezone: "America/Havana" };
  const rendered = renderDag(makeDag(dag), "");
  assert.match(rendered, 'start_date=pendulum.datetime(2023, 11, 5, tz="America/Havana", fold=0),');
  assert.match(rendered, 'end_date=pendulum.datetime(2024, 11, 3, tz="America/Havana"),');
});

test.run();
