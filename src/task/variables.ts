import type { JsonValue } from "../scrape/model.ts";
import type { TemplateValue } from "../scrape/url-template.ts";
import type { Interval } from "./api.ts";

/** What a run is for: the month that the task is mapped to, else the run's data interval, else nothing (a run on demand). */
export function intervalOf(run: { month: string | null; data_interval: { start: string; end: string } | null }): Interval | null {
  if (run.month !== null) {
    const [year = 0, month = 0] = run.month.split("-").map(Number);
    return { start: new Date(Date.UTC(year, month - 1, 1)), end: new Date(Date.UTC(year, month, 1)) };
  }
  return run.data_interval === null ? null : { start: new Date(run.data_interval.start), end: new Date(run.data_interval.end) };
}

/**
 * The variables of URL and slice templates: the start of what the run is for, as a clock in `timezone` shows it (without an interval, `now`),
 * and the params that are plain values. A param named like a time variable wins.
 */
export function templateValues(run: {
  interval: Interval | null;
  month: string | null;
  timezone: string;
  params: Readonly<Record<string, JsonValue>>;
  now: Date;
}): Record<string, TemplateValue> {
  // A month is a month everywhere; an interval's start is an instant, which has another date in another time zone.
  const zone = run.month === null ? run.timezone : "UTC";
  const format = new Intl.DateTimeFormat("en-CA", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
  });
  const parts = Object.fromEntries(format.formatToParts(run.interval?.start ?? run.now).map(({ type, value }) => [type, value]));
  const { year = "", month = "", day = "", hour = "" } = parts;
  const plain = Object.entries(run.params).filter((entry): entry is [string, TemplateValue] =>
    ["string", "number", "boolean"].includes(typeof entry[1]),
  );
  return { year, month, day, hour, date: `${year}-${month}-${day}`, ...Object.fromEntries(plain) };
}
