import type { Definition } from "../release/definition.ts";
import { instantOf, offsetAt, wallClock } from "../time/zone.ts";
import { type CronTimes, countTimes, parseCronTimes, timeAtOrAfter, timeAtOrBefore } from "./cron-times.ts";

type Timetable = Pick<Definition, "schedule" | "start_date" | "end_date" | "timezone" | "catchup">;

export interface CatchUp {
  /** Runs that are due at `now`. */
  readonly runs: number;
  /** When the first one after those starts, ISO 8601 in UTC; null: never. */
  readonly nextRun: string | null;
}

/**
 * What Airflow's CronDataIntervalTimetable makes of a cron schedule: a run for each interval between two times of the schedule, once the interval
 * has ended; none that begins before `start_date` or after `end_date`; without catch-up only the last one that has ended.
 * `ranUntil`, a moment: the DAG has had its runs until then, and earlier intervals are never made up.
 * Counted by the wall clock; a schedule that comes in every hour has the hours that a change to summer time takes or gives.
 */
export function catchUp(dag: Timetable, now: Date, ranUntil: number | null = null): CatchUp {
  if (typeof dag.schedule !== "string") return { runs: 0, nextRun: null };
  const times = parseCronTimes(dag.schedule);
  const wallNow = wallClock(now.getTime(), dag.timezone);
  const end = dag.end_date === null ? Number.POSITIVE_INFINITY : wallOf(dag.end_date);
  const last = timeAtOrBefore(times, wallNow);
  const beforeLast = last === null ? null : timeAtOrBefore(times, last - 1);
  let start = wallOf(dag.start_date);
  if (ranUntil !== null) start = Math.max(start, timeAtOrBefore(times, wallClock(ranUntil, dag.timezone)) ?? start);
  if (!dag.catchup) start = Math.max(start, beforeLast ?? start);
  return { runs: dueRuns(times, start, end, wallNow, dag.timezone), nextRun: nextRun(times, start, end, wallNow, dag.timezone) };
}

/** Until when a DAG has had its runs if all went well: the end of its last interval that has ended, a moment; null: it has had none. */
export function ranUntil(dag: Timetable, now: Date): number | null {
  if (typeof dag.schedule !== "string" || catchUp(dag, now).runs === 0) return null;
  const times = parseCronTimes(dag.schedule);
  const last = timeAtOrBefore(times, wallClock(now.getTime(), dag.timezone));
  if (last === null) return null;
  const lastInterval = dag.end_date === null ? null : timeAtOrBefore(times, wallOf(dag.end_date));
  const ended = lastInterval === null ? last : Math.min(last, timeAtOrAfter(times, lastInterval + 1) ?? last);
  return instantOf(ended, dag.timezone);
}

/** An interval begins at each time from `start` to `end`, and all but the last that has begun have ended. */
function dueRuns(times: CronTimes, start: number, end: number, now: number, timezone: string): number {
  const begun = countTimes(times, start, now);
  if (begun === 0) return 0;
  const ended = begun - 1 + summerTime(times, start, now, timezone);
  if (end >= now) return Math.max(0, ended);
  const wanted = countTimes(times, start, end) + summerTime(times, start, end, timezone);
  return Math.max(0, Math.min(ended, wanted));
}

/** The runs that a change of the clock between two times takes (negative) or gives. A schedule with fixed hours keeps its runs. */
function summerTime(times: CronTimes, from: number, to: number, timezone: string): number {
  if (!times.everyHour || timezone === "UTC" || to <= from) return 0;
  const shift = offsetAt(instantOf(from, timezone), timezone) - offsetAt(instantOf(to, timezone), timezone);
  return Math.round((shift / 3_600_000) * (times.minutes.length / 24));
}

function nextRun(times: CronTimes, start: number, end: number, now: number, timezone: string): string | null {
  const first = timeAtOrAfter(times, start);
  if (first === null) return null;
  // The interval that is under way now, or the first of all.
  const begins = Math.max(first, timeAtOrBefore(times, now) ?? first);
  const ends = begins > end ? null : timeAtOrAfter(times, begins + 1);
  return ends === null ? null : new Date(instantOf(ends, timezone)).toISOString();
}

/** A date or date-time without an offset, on the wall clock. */
function wallOf(iso: string): number {
  return Date.parse(iso.includes("T") ? `${iso}${iso.length === 16 ? ":00" : ""}Z` : `${iso}T00:00:00Z`);
}
