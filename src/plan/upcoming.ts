import type { Definition } from "../release/definition.ts";
import { catchUp, ranUntil } from "./catch-up.ts";
import type { Comparison } from "./compare.ts";
import { scheduleText } from "./dag-changes.ts";
import type { DagPlan, UpcomingPlan } from "./model.ts";
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
      };
    }
    const isNew = change === "added";
    const rescheduled = isNew || pause === "unpauses" || (before !== undefined && timing(before) !== timing(after));
    const fresh = catchUp(after, now);
    // A DAG that was there has had its runs: Airflow goes on from the last one, and never makes up what lies before it.
    // One that was paused may have had none.
    const had = before === undefined || before.paused === true ? null : ranUntil(before, now);
    const due = isPaused(pause) ? { runs: 0, nextRun: null } : had === null ? fresh : catchUp(after, now, had);
    return {
      ...common,
      rescheduled,
      trigger: after.schedule === null ? "on demand" : typeof after.schedule === "string" ? "cron" : "assets",
      schedule:
        after.schedule === null ? null : typeof after.schedule === "string" ? scheduleText(after.schedule) : after.schedule.join(", "),
      runsAtOnce: rescheduled ? due.runs : 0,
      runsIfNew: rescheduled ? fresh.runs : 0,
      nextRun: due.nextRun,
    };
  });
}

function timing({ schedule, start_date, end_date, timezone, catchup }: Definition): string {
  return JSON.stringify([schedule, start_date, end_date, timezone, catchup]);
}
