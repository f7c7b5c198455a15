import type { Dag, JsonValue, Task } from "../scrape/model.ts";
import type { TemplateValue } from "../scrape/url-template.ts";
import type { Interval } from "../task/api.ts";
import { intervalOf, templateValues } from "../task/variables.ts";
import { periodOf } from "../time/period.ts";

/** When a test's run is, and with which params. */
export interface RunTime {
  /** `YYYY-MM-DD`: the data interval is this day. */
  readonly date?: string;
  /** `YYYY-MM`: the data interval is this month. */
  readonly month?: string;
  /** The run's params, over the DAG's defaults. */
  readonly params?: Readonly<Record<string, JsonValue>>;
}

/** In the DAG's time zone; null, as for a run on demand, when the test gives neither a date nor a month. */
export function runInterval({ timezone }: Dag, { date, month }: RunTime): Interval | null {
  if (date === undefined) return intervalOf({ month: month ?? null, data_interval: null }, timezone);
  const { start, end } = periodOf(date, timezone);
  return { start, end };
}

/** As the task runner merges them: the DAG's defaults, the run's values, the task's own. */
export function runParams(dag: Dag, task: Task, { params }: RunTime): Record<string, JsonValue> {
  const defaults = Object.entries(dag.params).filter(([, spec]) => spec.default !== undefined);
  return { ...Object.fromEntries(defaults.map(([name, spec]) => [name, spec.default as JsonValue])), ...params, ...task.params };
}

/** What the variables of URL and slice stand for. */
export function runVariables(dag: Dag, task: Task, run: RunTime): Record<string, TemplateValue> {
  return templateValues({
    interval: runInterval(dag, run),
    month: run.month ?? null,
    timezone: dag.timezone,
    params: runParams(dag, task, run),
    now: new Date(),
  });
}
