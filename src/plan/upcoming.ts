import type { Definition } from "../release/definition.ts";
import type { DataInterval, DueRuns } from "../time/data-intervals.ts";
import { catchUp, isRefused, lastRun, timing } from "./catch-up.ts";
import type { Comparison } from "./compare.ts";
import { scheduleText } from "./dag-changes.ts";
import type { DagPlan, TimeSpan, UpcomingPlan } from "./model.ts";
import { isPaused, type PausedDags, planPause } from "./pause.ts";

/** What Airflow does with each DAG of the plan once the release is live. `inFlight`: runs under way by DAG; undefined, as `paused`: not known. */
export function upcomingRuns(
  dags: readonly DagPlan[],
  comparison: Comparison,
  {
    now,
    inFlight,
    paused,
  }: { readonly now: Date; readonly inFlight: Readonly<Record<string, number>> | undefined; readonly paused: PausedDags | undefined },
): UpcomingPlan[] {
  return dags.map(({ dag, change }) => {
    const running = inFlight === undefined ? null : Object.hasOwn(inFlight, dag) ? (inFlight[dag] ?? 0) : 0;
    const [before, after] = [comparison.definition("base", dag), comparison.definition("next", dag)];
    const pause = planPause({ dag, change }, before, after, paused);
    const common = { dag, change, inFlight: running, maxActiveRuns: after?.max_active_runs ?? null, pause };
    if (change === "removed" || after === undefined) {
      return {
        ...common,
        trigger: change === "removed" ? "none" : "unknown",
        rescheduled: false,
        schedule: null,
        runsAtOnce: 0,
        runsIfNew: 0,
        nextRun: null,
        uncovered: null,
        coveredTwice: null,
      };
    }
    const isNew = change === "added";
    const rescheduled = isNew || pause === "unpauses" || (before !== undefined && timing(before) !== timing(after));
    const fresh = catchUp(after, now);
    // A DAG that was there has had its runs: Airflow goes on from the last one, and never makes up what lies before it.
    // One that was paused may have had none.
    const last = before === undefined || before.paused === true ? null : lastRun(before, after, now);
    const due = isPaused(pause) ? none : last === null ? fresh : catchUp(after, now, last);
    return {
      ...common,
      rescheduled,
      trigger:
        after.schedule === null
          ? "on demand"
          : typeof after.schedule !== "string"
            ? "assets"
            : isRefused(after.schedule)
              ? "unknown"
              : "cron",
      schedule: scheduleOf(after),
      runsAtOnce: rescheduled ? due.count : 0,
      runsIfNew: rescheduled ? fresh.count : 0,
      nextRun: due.next === null ? null : iso(due.next.end),
      ...(rescheduled ? seam(last, due) : { uncovered: null, coveredTwice: null }),
    };
  });
}

const none: DueRuns = { count: 0, first: null, last: null, next: null };

/** Where the intervals of a new schedule do not begin where those of the old one ended. */
function seam(last: DataInterval | null, { first, next }: DueRuns): Pick<UpcomingPlan, "uncovered" | "coveredTwice"> {
  const start = (first ?? next)?.start;
  const span = (from: number, to: number): TimeSpan | null => (from < to ? { from: iso(from), to: iso(to) } : null);
  if (last === null || start === undefined) return { uncovered: null, coveredTwice: null };
  return { uncovered: span(last.end, start), coveredTwice: span(start, last.end) };
}

function iso(instant: number): string {
  return new Date(instant).toISOString();
}

function scheduleOf({ schedule, timezone }: Definition): string | null {
  if (typeof schedule !== "string") return schedule?.join(", ") ?? null;
  return timezone === "UTC" ? scheduleText(schedule) : `${scheduleText(schedule)} ${timezone}`;
}
