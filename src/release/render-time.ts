import type { Dag } from "../scrape/model.ts";
import { wallTime } from "../time/period.ts";
import { instantOf } from "../time/zone.ts";
import { block, pythonLiteral } from "./python-literal.ts";

/** When a DAG runs and what it announces, as Python expressions. */

/** The `schedule` argument. The timetable is named, since what a bare cron text means changed with Airflow 3. */
export function dagSchedule(dag: Pick<Dag, "schedule" | "timezone">): string {
  const { schedule } = dag;
  if (schedule.kind === "none") return "None";
  if (schedule.kind === "assets") return block("[", schedule.tables.map(tableAsset), "]");
  const expression = presets[schedule.expression] ?? schedule.expression;
  return `CronDataIntervalTimetable(${pythonLiteral(expression)}, timezone=${pythonLiteral(dag.timezone)})`;
}

/** A table as other DAGs see it: loading it is an event that they can be scheduled on. */
export function tableAsset(table: string): string {
  // Airflow keeps these two names for itself.
  const name = table === "self" || table === "context" ? `table:${table}` : table;
  const uri = `x-dagline://tables/${encodeURIComponent(table.toWellFormed())}`;
  return block("Asset(", [`name=${pythonLiteral(name)}`, `uri=${pythonLiteral(uri)}`], ")");
}

/**
 * An ISO date or date-time without an offset, as an instant in `timezone`; of a time that comes twice in autumn the first one for a start and
 * the second for an end, so that both are within. pendulum takes the second unless `fold` says otherwise.
 */
export function instant(iso: string, timezone: string, which: "start" | "end"): string {
  const match = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?)?$/.exec(iso);
  if (match === null) throw new Error(`not a date that the scrape stage lets through: ${JSON.stringify(iso)}`);
  const [, year, month, day, hour, minute, second, fraction] = match;
  const numbers = [year, month, day, hour, minute, second, fraction?.padEnd(6, "0")].filter((part) => part !== undefined).map(Number);
  const wall = wallTime(`${year}-${month}-${day}T${hour ?? "00"}:${minute ?? "00"}:${second ?? "00"}`);
  const twice = which === "start" && instantOf(wall, timezone, "second") !== instantOf(wall, timezone);
  return `pendulum.datetime(${numbers.join(", ")}, tz=${pythonLiteral(timezone)}${twice ? ", fold=0" : ""})`;
}

/** Seconds as a timedelta. */
export function duration(seconds: number): string {
  return `datetime.timedelta(seconds=${pythonLiteral(seconds)})`;
}

/** As Airflow and cron read them. */
const presets: Readonly<Record<string, string>> = {
  "@hourly": "0 * * * *",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@weekly": "0 0 * * 0",
  "@monthly": "0 0 1 * *",
  "@quarterly": "0 0 1 */3 *",
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
};
