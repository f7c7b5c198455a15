import type { Cron } from "./cron.ts";
import { countTimes, isDaily, nextTime, previousTime } from "./cron-times.ts";
import { instantOf, wallClock } from "./zone.ts";
import { changesAround, type OffsetChange, offsetAt } from "./zone-offsets.ts";

/*
 * Airflow's CronDataIntervalTimetable (airflow/timetables/interval.py and _cron.py, 3.3.2), step by step, since what it does at a change of the
 * clocks depends on its steps; and a count that takes what lies between two changes at once. tests/time holds it against the real one.
 * Moments are in milliseconds since 1970-01-01T00:00Z.
 */

export interface DataInterval {
  readonly start: number;
  /** When the run is due. */
  readonly end: number;
}

export interface CronTimetable {
  readonly cron: Cron;
  readonly zone: string;
}

export interface Restriction {
  /** `start_date`. */
  readonly earliest: number;
  /** No interval begins after it; null: no end. */
  readonly latest: number | null;
  readonly catchup: boolean;
}

/** The interval of the next run after that of `last`, or of the first run; null: Airflow makes none. */
function nextInterval(timetable: CronTimetable, restriction: Restriction, last: DataInterval | null, now: number): DataInterval | null {
  const { earliest, latest, catchup } = restriction;
  const first = catchup ? alignToNext(timetable, earliest) : skipToLatest(timetable, earliest, now);
  let start = first;
  if (last !== null) {
    start = Math.max(alignToPrevious(timetable, last.end), first);
    // A run of that logical date exists already (apache/airflow#72498).
    if (start <= last.start) start = nextScheduled(timetable, start);
    // "timetable did not advance": Airflow's scheduler fails here each time, so the DAG never runs again.
    if (start <= last.start) return null;
  }
  return latest !== null && start > latest ? null : { start, end: nextScheduled(timetable, start) };
}

export interface DueRuns {
  readonly count: number;
  readonly first: DataInterval | null;
  /** The last of them; null when none is due. */
  readonly last: DataInterval | null;
  /** The first that is not due yet; null: there will be none. */
  readonly next: DataInterval | null;
}

/** The runs that the scheduler creates at `now`, after that of `last`. */
export function dueRuns(timetable: CronTimetable, restriction: Restriction, last: DataInterval | null, now: number): DueRuns {
  let [count, first, current]: [number, DataInterval | null, DataInterval | null] = [0, null, last];
  const until = Math.min(now, restriction.latest ?? now);
  for (;;) {
    const info = nextInterval(timetable, restriction, current, now);
    if (info === null || info.end > now) return { count, first, last: count === 0 ? null : current, next: info };
    first ??= info;
    const steady = stepsUntilChange(timetable, info, until);
    count += 1 + (steady?.count ?? 0);
    current = steady?.last ?? info;
  }
}

/** Where the first interval begins that is not before `earliest`. */
export function firstInterval(timetable: CronTimetable, earliest: number): number {
  return alignToNext(timetable, earliest);
}

/**
 * When Airflow makes the last run of all, though the schedule goes on; null: not before `until`. Where it comes in every hour, but not on every day,
 * the clocks are put back between two of its days, and Airflow, which adds elapsed time then, finds no interval after the last one.
 */
export function stopsAt(timetable: CronTimetable, earliest: number, until: number): number | null {
  if (!timetable.cron.everyHour || isDaily(timetable.cron)) return null;
  const { last, next } = dueRuns(timetable, { earliest, latest: null, catchup: true }, null, until);
  return next === null ? (last?.end ?? earliest) : null;
}

/**
 * The intervals after this one that simply follow each other, up to `until`: as long as the zone keeps its offset, and no wall time is one that
 * comes twice or was left out, each begins where the one before ends.
 */
function stepsUntilChange({ cron, zone }: CronTimetable, from: DataInterval, until: number): { count: number; last: DataInterval } | null {
  const steady = steadySpan(from.start, zone);
  const end = Math.min(until, steady.end - 1);
  if (from.start < steady.start || end <= from.end) return null;
  const offset = offsetAt(from.start, zone);
  const follows =
    nextTime(cron, from.start + offset) === from.end + offset && previousTime(cron, from.end + offset) === from.start + offset;
  const count = follows ? countTimes(cron, from.end + offset, end + offset) : 0;
  if (count === 0) return null;
  const lastEnd = previousTime(cron, end + offset + 1);
  return { count, last: { start: previousTime(cron, lastEnd) - offset, end: lastEnd - offset } };
}

/** The moments around `instant` that have its offset, without those beside a change whose wall time comes twice or follows one that was left out. */
function steadySpan(instant: number, zone: string): { start: number; end: number } {
  const changes = changesAround(instant, zone);
  const before = changes.findLast(({ at }) => at <= instant);
  const after = changes.find(({ at }) => at > instant);
  const year = new Date(instant).getUTCFullYear();
  return {
    start: before === undefined ? Date.UTC(year - 1, 0) : before.at + jump(before),
    end: after === undefined ? Date.UTC(year + 1, 0) : after.at - jump(after),
  };
}

function jump({ before, after }: OffsetChange): number {
  return Math.abs(after - before);
}

export function nextScheduled({ cron, zone }: CronTimetable, after: number): number {
  const wall = wallClock(after, zone);
  const scheduled = nextTime(cron, wall);
  return cron.everyHour ? after + (scheduled - wall) : instantOf(scheduled, zone, "second");
}

export function previousScheduled({ cron, zone }: CronTimetable, before: number): number {
  const wall = wallClock(before, zone);
  const scheduled = previousTime(cron, wall);
  return cron.everyHour ? before - (wall - scheduled) : instantOf(scheduled, zone, "second");
}

function alignToNext(timetable: CronTimetable, moment: number): number {
  const following = nextScheduled(timetable, moment);
  return previousScheduled(timetable, following) === moment ? moment : following;
}

function alignToPrevious(timetable: CronTimetable, moment: number): number {
  const before = previousScheduled(timetable, moment);
  return nextScheduled(timetable, before) === moment ? moment : before;
}

/** Without catch-up: the last interval that has ended, or the first of all. */
function skipToLatest(timetable: CronTimetable, earliest: number, now: number): number {
  const lastStart = previousScheduled(timetable, now);
  const nextStart = nextScheduled(timetable, lastStart);
  const start = nextStart === now ? lastStart : previousScheduled(timetable, lastStart);
  return Math.max(start, alignToNext(timetable, earliest));
}
