import type { Definition } from "../release/definition.ts";
import { parseCron } from "../time/cron.ts";
import { type DataInterval, type DueRuns, dueRuns } from "../time/data-intervals.ts";
import { wallTime } from "../time/period.ts";
import { instantOf } from "../time/zone.ts";

type Timetable = Pick<Definition, "schedule" | "start_date" | "end_date" | "timezone" | "catchup">;

/**
 * The runs that Airflow creates of a DAG at `now`, and the next one after those. `last` is the interval of the run before; without it the DAG
 * has had none. Nothing for a DAG without a cron schedule, and for a cron schedule of an older release that is refused by now.
 */
export function catchUp(dag: Timetable, now: Date, last: DataInterval | null = null): DueRuns {
  const cron = typeof dag.schedule === "string" ? parseCron(dag.schedule) : null;
  if (cron === null || "message" in cron) return { count: 0, first: null, last: null, next: null };
  const restriction = {
    // Of a time that comes twice the first for a start, the second for an end: as the rendered DAG has them (src/release/render-time.ts).
    earliest: instantOf(wallTime(dag.start_date), dag.timezone, "first"),
    latest: dag.end_date === null ? null : instantOf(wallTime(dag.end_date), dag.timezone, "second"),
    catchup: dag.catchup,
  };
  return dueRuns({ cron, zone: dag.timezone }, restriction, last, now.getTime());
}

/** The last run of the schedule of before, as if it had run until now. What that made of a schedule that is refused by now is not known: it counts as up to date. */
export function lastRun(before: Definition, after: Definition, now: Date): DataInterval | null {
  const isKnown = timing(before) !== timing(after) && !(typeof before.schedule === "string" && isRefused(before.schedule));
  const dag = isKnown ? before : after;
  // Without catch-up, nothing is due of a DAG that has ended; its runs came while it lasted.
  return catchUp(dag, now).last ?? catchUp({ ...dag, catchup: true }, now).last;
}

/** A schedule of an older release, which is refused by now. */
export function isRefused(schedule: string): boolean {
  return "message" in parseCron(schedule);
}

/** What tells one timetable from another. */
export function timing({ schedule, start_date, end_date, timezone, catchup }: Definition): string {
  return JSON.stringify([schedule, start_date, end_date, timezone, catchup]);
}
