import type { JsonValue } from "../scrape/model.ts";
import type { TemplateValue } from "../scrape/url-template.ts";
import { periodOf, wallTime } from "../time/period.ts";
import { isSecond, wallClock } from "../time/zone.ts";
import type { Interval } from "./api.ts";

/** What a run is for: the month that the task is mapped to, in the DAG's time zone, else the run's data interval, else nothing (a run on demand). */
export function intervalOf(
  run: { readonly month: string | null; readonly data_interval: { readonly start: string; readonly end: string } | null },
  timezone: string,
): Interval | null {
  if (run.month !== null) {
    const { start, end } = periodOf(run.month, timezone);
    return { start, end };
  }
  return run.data_interval === null ? null : { start: new Date(run.data_interval.start), end: new Date(run.data_interval.end) };
}

interface RunValues {
  readonly interval: Interval | null;
  readonly month: string | null;
  readonly timezone: string;
  readonly params: Readonly<Record<string, JsonValue>>;
  readonly now: Date;
}

/**
 * The variables of a URL template: the start of what the run is for, as a clock in `timezone` shows it (without an interval, `now`),
 * and the params that are plain values. A param named like a time variable wins.
 */
export function templateValues(run: RunValues): Record<string, TemplateValue> {
  return { ...timeValues(run), ...plainValues(run.params) };
}

/**
 * The variables of a slice: those of a URL, but of an hour that comes twice in autumn the second is `02B`: each of its two runs has its own slice.
 */
export function sliceValues(run: RunValues): Record<string, TemplateValue> {
  const values = timeValues(run);
  const second = run.month === null && isSecond(instantFor(run), run.timezone);
  return { ...values, hour: second ? `${values.hour}B` : values.hour, ...plainValues(run.params) };
}

function timeValues(run: RunValues) {
  const wall = run.month === null ? wallClock(instantFor(run), run.timezone) : wallTime(run.month);
  const [date = "", time = ""] = new Date(wall).toISOString().split("T");
  const [year = "", month = "", day = ""] = date.split("-");
  return { year, month, day, hour: time.slice(0, 2), date };
}

function instantFor({ interval, now }: RunValues): number {
  return (interval?.start ?? now).getTime();
}

function plainValues(params: RunValues["params"]): Record<string, TemplateValue> {
  const isPlain = (entry: [string, JsonValue]): entry is [string, TemplateValue] =>
    ["string", "number", "boolean"].includes(typeof entry[1]);
  return Object.fromEntries(Object.entries(params).filter(isPlain));
}
