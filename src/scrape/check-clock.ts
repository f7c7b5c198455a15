import { parseCron } from "../time/cron.ts";
import { firstInterval, stopsAt } from "../time/data-intervals.ts";
import { wallTime } from "../time/period.ts";
import { instantOf } from "../time/zone.ts";
import { isTimeZone } from "../time/zone-name.ts";
import type { Schedule } from "./model.ts";
import type { MapReader } from "./read-node.ts";
import type { Report } from "./report.ts";

const FAR = Date.UTC(2038, 0);

/** A schedule that Airflow stops running once the clocks of its zone are put back, or never runs. */
export function checkClock(
  dag: MapReader,
  schedule: Schedule,
  { startDate, endDate, timezone }: { readonly startDate: string; readonly endDate: string | null; readonly timezone: string },
  report: Report,
): void {
  const cron = schedule.kind === "cron" ? parseCron(schedule.expression) : null;
  if (cron === null || "message" in cron || !isTimeZone(timezone)) return;
  const until = endDate === null ? FAR : Math.min(FAR, instantOf(wallTime(endDate), timezone));
  const earliest = instantOf(wallTime(startDate), timezone);
  if (endDate !== null && firstInterval({ cron, zone: timezone }, earliest) > instantOf(wallTime(endDate), timezone, "second")) {
    const message = "no interval of the schedule begins from `start_date` to `end_date`: it never runs";
    report.error(dag.text("end_date")?.at ?? dag.at, "date-order", message, "An interval whose start is after `end_date` gets no run.");
    return;
  }
  const stop = stopsAt({ cron, zone: timezone }, earliest, until);
  if (stop === null) return;
  report.error(
    dag.text("schedule")?.at ?? dag.at,
    "schedule",
    `every hour, but not on every day: Airflow makes no run after ${new Date(stop).toISOString().slice(0, 10)}, when the clocks of ${timezone} are put back`,
    "Leave an hour out (`0-22`), run on every day, or take `timezone: UTC`.",
  );
}
