import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { renderDag } from "../../src/release/render-dag.ts";
import { runPython, scratchAirflow } from "./airflow.ts";
import { extractTask, loadTask, makeDag, transformTask } from "./make-dags.ts";

const airflow = scratchAirflow();
test.after(() => rmSync(airflow.home, { recursive: true, force: true }));

test("a rendered DAG imports in at most 1.3 times what one written by hand takes", async () => {
  const [rendered, written] = [join(airflow.home, "rendered"), join(airflow.home, "written")];
  mkdirSync(rendered);
  mkdirSync(written);
  for (let index = 0; index < 60; index++) {
    writeFileSync(join(rendered, `taxi_${index}.py`), renderTaxi(`taxi_${index}`));
    writeFileSync(join(written, `taxi_${index}.py`), writtenByHand(`taxi_${index}`));
  }
  const ratios: number[] = [];
  for (let turn = 0; turn < 3; turn++) {
    const output = await runPython(airflow, [join(import.meta.dirname, "time-imports.py"), rendered, written]);
    const seconds = JSON.parse(output) as [number, number][];
    ratios.push(median(seconds.map(([one]) => one)) / median(seconds.map(([, other]) => other)));
    process.stderr.write(
      `${(median(seconds.map(([one]) => one)) * 1000).toFixed(2)} ms rendered, ${(median(seconds.map(([, other]) => other)) * 1000).toFixed(2)} ms by hand\n`,
    );
  }
  assert.ok(median(ratios) <= 1.3, `the ratios were ${ratios.map((ratio) => ratio.toFixed(2)).join(", ")}`);
});

const readme = "# Taxi trips\n\nOne row per trip, from the commission's monthly files.\n\n".repeat(20);

function renderTaxi(id: string): string {
  const tasks = [
    extractTask("extract_green", { executionTimeoutSeconds: 3600 }),
    transformTask("transform_green", ["extract_green"]),
    loadTask("load_green", ["transform_green"], { table: "taxi", retries: 5 }),
  ];
  const schedule = { kind: "cron", expression: "0 9 29 * *" } as const;
  const params = { taxi_type: { type: "string", default: "green", enum: ["green", "yellow"] } };
  const emailOn = { failure: true, retry: false, success: true };
  return renderDag(
    makeDag({ id, schedule, tasks, params, tags: ["taxi"], catchup: true, retries: 2, email: ["data@example.com"], emailOn }),
    readme,
  );
}

/** The same DAG as a person who knows Airflow writes it. */
function writtenByHand(id: string): string {
  return `from datetime import timedelta

import pendulum
from airflow.sdk import DAG, Asset, CronDataIntervalTimetable, Param

from dagline_airflow.mail import DaglineMail
from dagline_airflow.operator import DaglineOperator

on_failure = DaglineMail("failure", to=["data@example.com"])

with DAG(
    "${id}",
    description="Rows",
    schedule=CronDataIntervalTimetable("0 9 29 * *", timezone="UTC"),
    start_date=pendulum.datetime(2024, 1, 1, tz="UTC"),
    catchup=True,
    tags=["taxi"],
    params={"taxi_type": Param("green", type="string", enum=["green", "yellow"])},
    default_args={
        "owner": "data-platform",
        "retries": 2,
        "retry_delay": timedelta(minutes=5),
        "on_failure_callback": on_failure,
    },
    on_success_callback=DaglineMail("success", to=["data@example.com"]),
    doc_md="""${readme}""",
):
    extract = DaglineOperator(task_id="extract_green", execution_timeout=timedelta(hours=1))
    transform = DaglineOperator(task_id="transform_green")
    load = DaglineOperator(task_id="load_green", retries=5, outlets=[Asset("taxi", uri="x-dagline://tables/taxi")])
    extract >> transform >> load
`;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

test.run();
