import type { Definition } from "../release/definition.ts";
import { type Cron, parseCron } from "../time/cron.ts";
import { nextTime, previousTime } from "../time/cron-times.ts";
import type { DataInterval } from "../time/data-intervals.ts";
import { instantOf, isSecond, wallClock } from "../time/zone.ts";
import { catchUp, lastRun } from "./catch-up.ts";

/** Where the runs of another schedule or time zone follow those of the old one. Moments are in milliseconds since 1970-01-01T00:00Z. */
export interface Seam {
  /** When the intervals of the old schedule begin, the last one first; and those of the new one. Only those beside the seam. */
  readonly old: readonly Start[];
  readonly fresh: readonly Start[];
  /** Where the last interval of the old schedule ends. */
  readonly end: number;
}

export interface Start {
  readonly at: number;
  readonly zone: string;
}

/** No two zones' clocks are further apart. What runs more often than hourly has no slices of its own. */
const APART = 27 * 3_600_000;
const MOST = 30;

/** Null: either is not by cron, or no run of the new schedule comes. */
export function seamOf(before: Definition, after: Definition, now: Date): Seam | null {
  const [oldCron, cron] = [cronOf(before), cronOf(after)];
  const last = oldCron === null ? null : lastRun(before, after, now);
  const next = last === null ? null : nextRun(after, now, last);
  if (oldCron === null || cron === null || last === null || next === null) return null;
  return {
    old: startsFrom(last.start, before.timezone, (wall) => previousTime(oldCron, wall)),
    fresh: startsFrom(next.start, after.timezone, (wall) => nextTime(cron, wall)),
    end: last.end,
  };
}

/** The start as a clock shows it, as a slice and a URL name it. */
export function nameOf({ at, zone }: Start, times: ReadonlySet<string>): string {
  const [year = "", month = "", day = "", hour = ""] = wallText({ at, zone }).split(/[-T:]/);
  const date = Object.entries({ year, month, day }).flatMap(([name, value]) => (times.has(name) ? [value] : []));
  return [date.join("-"), ...(times.has("hour") ? [`${hour}${isSecond(at, zone) ? "B" : ""}`] : [])]
    .filter((part) => part !== "")
    .join("T");
}

/** `2024-03-15T12:00` */
export function wallText({ at, zone }: Start): string {
  return new Date(wallClock(at, zone)).toISOString().slice(0, 16);
}

function cronOf({ schedule }: Definition): Cron | null {
  const cron = typeof schedule === "string" ? parseCron(schedule) : null;
  return cron === null || "message" in cron ? null : cron;
}

function nextRun(after: Definition, now: Date, last: DataInterval): DataInterval | null {
  const { first, next } = catchUp(after, now, last);
  return first ?? next;
}

function startsFrom(first: number, zone: string, step: (wall: number) => number): Start[] {
  const all = [{ at: first, zone }];
  for (let at = first; all.length < MOST && Math.abs(at - first) <= APART; ) {
    at = instantOf(step(wallClock(at, zone)), zone);
    all.push({ at, zone });
  }
  return all;
}
