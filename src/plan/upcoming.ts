import type { Definition } from "../release/definition.ts";
import { catchUp, ranUntil } from "./catch-up.ts";
import type { Comparison } from "./compare.ts";
import { scheduleText } from "./dag-changes.ts";
import type { DagPlan, UpcomingPlan } from "./model.ts";

/** What Airflow does with each DAG of the plan once the release is live. `inFlight`: runs under way by DAG; undefined: not known. */
export function upcomingRuns(
  dags: readonly DagPlan[],
  comparison: Comparison,
  { now, inFlight }: { readonly now: Date; readonly inFlight: Readonly<Record<string, number>> | undefined },
): UpcomingPlan[] {
  return dags.map(({ dag, change }) => {
    const running = inFlight === undefined ? null : Object.hasOwn(inFlight, dag) ? (inFlight[dag] ?? 0) : 0;
    const [before, after] = [comparison.definition("base", dag), comparison.definition("next", dag)];
    const common = { dag, change, inFlight: running, maxActiveRuns: after?.max_active_runs ?? null };
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
    const rescheduled = isNew || (before !== undefined && timing(before) !== timing(after));
    const fresh = catchUp(after, now);
    // A DAG that was there has had its runs: Airflow goes on from the last one, and never makes up what lies before it.
    const had = before === undefined ? null : ranUntil(before, now);
    const due = had === null ? fresh : catchUp(after, now, had);
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
