import { UserError } from "../errors.ts";
import type { Reprocess } from "./request.ts";

export type RunAction = "create" | "reprocess" | "skip";

/** A run of a backfill, before it is started. */
export interface PlannedRun {
  /** What it is for: its logical date (ISO, UTC) or its month or day. */
  readonly period: string;
  /** Null for a run that Airflow will name. */
  readonly run_id: string | null;
  /** As Airflow names states; `cancelled` is one that a cancelled backfill ended before it began. Null when there is no such run. */
  readonly state: string | null;
  readonly action: RunAction;
}

/** What a backfill would do. */
export interface BackfillPlan {
  readonly dag: string;
  /** The release that its runs would belong to. */
  readonly release: string | null;
  /** Whether the runs are those of the DAG's schedule, or one for each month or day. */
  readonly kind: "schedule" | "periods";
  readonly timezone: string;
  readonly paused: boolean;
  /** The backfill of this DAG that runs already, in words. */
  readonly running: string | null;
  readonly counts: Readonly<Record<RunAction, number>>;
  /** How many of the runs to leave are queued or running. */
  readonly under_way: number;
  /** In the order in which they would start; `more` are not listed. */
  readonly runs: readonly PlannedRun[];
  readonly more: number;
  /** What else is worth knowing, in words. */
  readonly notes: readonly string[];
}

/** What becomes of a run in this state: the rule of Airflow's own backfills. */
export function actionFor(state: string | null, reprocess: Reprocess): RunAction {
  if (state === null) return "create";
  // Ended by a cancel before it began: it has not run.
  if (state === "cancelled") return "reprocess";
  if (state === "failed") return reprocess === "none" ? "skip" : "reprocess";
  return state === "success" && reprocess === "completed" ? "reprocess" : "skip";
}

/** The members of a plan that its runs make up. */
export function summarise(runs: readonly PlannedRun[]): Pick<BackfillPlan, "counts" | "under_way" | "runs" | "more"> {
  const counts = { create: 0, reprocess: 0, skip: 0 };
  for (const { action } of runs) counts[action]++;
  const { kept, more } = cutList(runs);
  return { counts, under_way: runs.filter(({ state }) => isUnderWay(state)).length, runs: kept, more };
}

/** `running` is the other backfill in words. */
export function runningError(dag: string, running: string): UserError {
  return new UserError(`another backfill of ${dag} is running: ${running}`, {
    hint: "A DAG has one at a time. Wait for its end, or cancel it where it was started.",
  });
}

export function isUnderWay(state: string | null | undefined): boolean {
  return state === "queued" || state === "running";
}

/** SSM passes on 24,000 characters of an answer; the other members need little. */
const LIST_CHARACTERS = 16_000;

/** As many of the first items as fit into one answer, and how many do not. */
export function cutList<T>(items: readonly T[], characters = LIST_CHARACTERS): { kept: T[]; more: number } {
  const kept: T[] = [];
  let size = 0;
  for (const item of items) {
    size += JSON.stringify(item).length + 1;
    if (size > characters) break;
    kept.push(item);
  }
  return { kept, more: items.length - kept.length };
}
