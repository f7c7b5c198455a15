import type { Definition } from "../release/definition.ts";
import type { DagPlan, PausePlan, UpcomingPlan } from "./model.ts";

/** Those that Airflow serves, and those that an earlier release had and that may come back. */
export type PausedDags = readonly string[];

/**
 * What a deploy does to a DAG's pause. Airflow reads the YAML's `paused` only when it first sees a DAG, and keeps the pause of one that was
 * removed and comes back; the agent pauses or unpauses a DAG whose `paused` the deploy changes (src/host/pauses.ts).
 * `pausedNow`: the DAGs that are paused in Airflow; undefined: not known.
 */
export function planPause(
  { dag, change }: Pick<DagPlan, "dag" | "change">,
  before: Definition | undefined,
  after: Definition | undefined,
  pausedNow: PausedDags | undefined,
): PausePlan {
  if (after === undefined) return "active";
  const is = after.paused === true;
  if (change === "added" && is) return "arrives paused";
  if (is !== (before?.paused === true)) return is ? "pauses" : "unpauses";
  if (pausedNow !== undefined) return pausedNow.includes(dag) ? "stays paused" : "active";
  return is ? "paused by its YAML" : "active";
}

/** Whether Airflow starts no run of the DAG by itself. */
export function isPaused(pause: PausePlan): boolean {
  return pause !== "active" && pause !== "unpauses";
}

/** In plain words, without anybody's text; empty for a DAG that is active and was so. */
export function pauseText({ pause, change }: UpcomingPlan): string {
  switch (pause) {
    case "active":
      return "";
    case "arrives paused":
      return "arrives paused: nothing runs until a person unpauses it in Airflow";
    case "pauses":
      return "this deploy pauses it";
    case "unpauses":
      return "this deploy unpauses it";
    case "stays paused":
      return change === "added" ? "comes back paused, as it was left in Airflow" : "stays paused in Airflow";
    case "paused by its YAML":
      return "paused, unless a person has unpaused it in Airflow";
  }
}
