import type { Dag, ParamSpec, Task } from "../scrape/model.ts";
import { block, indent, pythonLiteral } from "./python-literal.ts";
import { dagSchedule, duration, instant, tableAsset } from "./render-time.ts";
import { sourceComment } from "./source-comment.ts";

/**
 * Renders a DAG as static Python: nothing is read, asked or computed when Airflow imports it. What comes from the user stands in literals only,
 * so no text in a DAG file can become code; and none is handed to an argument that Airflow renders as a template.
 * `readme` is shown as the DAG's documentation. Each statement ends in a comment that names its YAML line.
 */
export function renderDag(dag: Dag, readme: string): string {
  const at = (line: number): string => `  ${sourceComment(dag.file, line)}`;
  const body = dag.eachMonth === null ? renderTasks(dag, []) : renderEachMonth(dag, dag.eachMonth);
  const lines = [
    `# Rendered by dagline: change the source, not this file.${at(dag.line)}`,
    ...imports(dag),
    "",
    ...(sendsMail(dag) ? [`recipients = ${pythonLiteral(dag.email).replace("[", `[${at(dag.line)}`)}`, ""] : []),
    `with ${call("DAG", dagArguments(dag, readme), at(dag.line))} as dag:`,
    indent(body),
  ];
  if (looksLikeFile(readme)) lines.push(`vars(dag)["doc_md"] = ${pythonLiteral(readme)}${at(dag.line)}`);
  return `${lines.join("\n")}\n`;
}

/** An argument's name and its Python expression; undefined: left to Airflow's default. */
type Argument = readonly [name: string, expression: string | undefined];

function imports(dag: Dag): string[] {
  const fromSdk = ["DAG"];
  if (dag.schedule.kind === "assets" || dag.tasks.some((task) => task.kind === "load")) fromSdk.push("Asset");
  if (Object.keys(dag.params).length > 0) fromSdk.push("Param");
  if (dag.eachMonth !== null) fromSdk.push("task_group");
  const own = ["from dagline_airflow.operator import DaglineOperator"];
  if (dag.eachMonth !== null) own[0] = "from dagline_airflow.operator import DaglineMonths, DaglineOperator";
  if (sendsMail(dag)) own.unshift("from dagline_airflow.mail import DaglineMail");
  if (dag.schedule.kind === "cron") own.push("from dagline_airflow.timetable import CronDataIntervalTimetable");
  return ["import datetime", "", "import pendulum", `from airflow.sdk import ${fromSdk.join(", ")}`, ...own];
}

function dagArguments(dag: Dag, readme: string): Argument[] {
  const params = Object.entries(dag.params).map(([name, spec]): [string, string] => [name, renderParam(spec)]);
  const defaults: [string, string][] = [
    ["owner", pythonLiteral(dag.owner)],
    ["retries", pythonLiteral(dag.retries)],
    ["retry_delay", duration(dag.retryDelaySeconds)],
  ];
  return [
    ["dag_id", pythonLiteral(dag.id)],
    ["description", pythonLiteral(dag.description)],
    ["schedule", dagSchedule(dag)],
    ["start_date", instant(dag.startDate, dag.timezone, "start")],
    ["end_date", dag.endDate === null ? undefined : instant(dag.endDate, dag.timezone, "end")],
    ["catchup", pythonLiteral(dag.catchup)],
    // Always said: Airflow's own default (`[core] dags_are_paused_at_creation`) has a new DAG arrive paused.
    ["is_paused_upon_creation", pythonLiteral(dag.paused)],
    ["max_active_runs", dag.maxActiveRuns === null ? undefined : pythonLiteral(dag.maxActiveRuns)],
    ["tags", dag.tags.length === 0 ? undefined : pythonLiteral(dag.tags)],
    ["params", params.length === 0 ? undefined : dictionary(params)],
    ["default_args", dictionary(defaults)],
    ["on_success_callback", dag.emailOn.success ? mail(dag, "success") : undefined],
    ["doc_md", readme === "" || looksLikeFile(readme) ? undefined : pythonLiteral(readme)],
  ];
}

/** Airflow takes a doc_md that ends so for the name of a file and reads that file; such a text is set past its converter. */
function looksLikeFile(readme: string): boolean {
  return readme.endsWith(".md");
}

/** The schema goes in as one value, so that none of its keywords can meet a parameter of Param's own. */
function renderParam(spec: ParamSpec): string {
  const { default: value, description, ...schema } = spec;
  return call("Param", [
    ["default", value === undefined ? undefined : pythonLiteral(value)],
    ["description", description === undefined ? undefined : pythonLiteral(description)],
    ["schema", pythonLiteral(schema)],
  ]);
}

/** Every task once for each month; the tasks' ids stay as they are. */
function renderEachMonth(dag: Dag, range: { readonly from: string; readonly to: string }): string {
  const at = `  ${sourceComment(dag.file, dag.line)}`;
  const taken = new Set<string>(dag.tasks.map((task) => task.id));
  const months = call(
    "DaglineMonths",
    [
      ["task_id", pythonLiteral(free("months", taken))],
      ["from_param", pythonLiteral(range.from)],
      ["to_param", pythonLiteral(range.to)],
      ...callbacks(dag),
    ],
    at,
  );
  const group = call(
    "task_group",
    [
      ["group_id", pythonLiteral(free("each_month", taken))],
      ["prefix_group_id", "False"],
    ],
    at,
  );
  return [
    `months = ${months}`,
    "",
    `@${group}`,
    `def each_month(month):${at}`,
    indent(renderTasks(dag, [["month", "month"]])),
    "",
    `each_month.expand(month=months.output)${at}`,
  ].join("\n");
}

/** Tasks are kept by name in a dictionary: their names are then literals, too, whatever Python calls its keywords. */
function renderTasks(dag: Dag, more: readonly Argument[]): string {
  const at = (task: Task): string => `  ${sourceComment(dag.file, task.line)}`;
  const operators = dag.tasks.map(
    (task) => `tasks[${pythonLiteral(task.id)}] = ${call("DaglineOperator", [...taskArguments(dag, task), ...more], at(task))}`,
  );
  const edges = dag.tasks.flatMap((task) =>
    task.dependencies.map((dependency) => `tasks[${pythonLiteral(dependency)}] >> tasks[${pythonLiteral(task.id)}]${at(task)}`),
  );
  return [`tasks = {}  ${sourceComment(dag.file, dag.line)}`, ...operators, ...edges].join("\n");
}

function taskArguments(dag: Dag, task: Task): Argument[] {
  return [
    ["task_id", pythonLiteral(task.id)],
    ["retries", task.retries === null ? undefined : pythonLiteral(task.retries)],
    ["retry_delay", task.retryDelaySeconds === null ? undefined : duration(task.retryDelaySeconds)],
    ["execution_timeout", task.executionTimeoutSeconds === null ? undefined : duration(task.executionTimeoutSeconds)],
    ["pool", task.pool === null ? undefined : pythonLiteral(task.pool)],
    ["outlets", task.kind === "load" ? block("[", [tableAsset(task.table)], "]") : undefined],
    ...callbacks(dag),
  ];
}

/** Given to each task, not by default_args: Airflow would write those into the DAG's stored form with their memory addresses. */
function callbacks(dag: Dag): Argument[] {
  return [
    ["on_failure_callback", dag.emailOn.failure ? mail(dag, "failure") : undefined],
    ["on_retry_callback", dag.emailOn.retry ? mail(dag, "retry") : undefined],
  ];
}

function mail(dag: Dag, event: "success" | "failure" | "retry"): string | undefined {
  return dag.email.length === 0 ? undefined : `DaglineMail("${event}", to=recipients)`;
}

function sendsMail(dag: Dag): boolean {
  return dag.email.length > 0 && (dag.emailOn.failure || dag.emailOn.retry || dag.emailOn.success);
}

function call(callee: string, given: readonly Argument[], comment = ""): string {
  const present = given.flatMap(([name, expression]) => (expression === undefined ? [] : [`${name}=${expression}`]));
  return block(`${callee}(`, present, ")").replace("(", `(${comment}`);
}

function dictionary(entries: readonly [string, string][]): string {
  return block(
    "{",
    entries.map(([key, expression]) => `${pythonLiteral(key)}: ${expression}`),
    "}",
  );
}

function free(name: string, taken: ReadonlySet<string>): string {
  return taken.has(name) ? free(`${name}_`, taken) : name;
}
