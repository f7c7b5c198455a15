import type { TaskInstance } from "./task-instances.ts";

/** An attempt of a task that failed. */
export interface FailedAttempt {
  readonly task: TaskInstance;
  /** Airflow's number of it, by which its log is found. */
  readonly tryNumber: number;
  /** Which one it is since the run was started or cleared, from 1, and how many there can be. */
  readonly number: number;
  readonly of: number;
  /** What comes next: Airflow waits, and tries again; it has begun to; or it never will. */
  readonly next: "waits" | "begun" | "none";
}

/**
 * Follows the attempts of a run's tasks: each call takes what Airflow says now, and gives the attempts that have failed since the call before.
 * Attempts of before the first call are another time's: a run that was cleared keeps counting.
 */
export function watchAttempts(): (tasks: readonly TaskInstance[]) => FailedAttempt[] {
  const before = new Map<string, number>();
  const told = new Map<string, number>();
  return (tasks) =>
    tasks.flatMap((task) => {
      const key = `${task.task_id} ${task.map_index}`;
      const base = before.get(key) ?? attemptsBefore(task);
      before.set(key, base);
      const failed = lastFailed(task);
      const from = Math.max(base, told.get(key) ?? 0) + 1;
      told.set(key, Math.max(failed, told.get(key) ?? 0));
      return Array.from({ length: Math.max(0, failed - from + 1) }, (_, index): FailedAttempt => {
        const tryNumber = from + index;
        const next = tryNumber < task.try_number ? "begun" : task.state === "up_for_retry" ? "waits" : "none";
        return { task, tryNumber, number: tryNumber - base, of: Math.max(task.max_tries + 1, tryNumber) - base, next };
      });
    });
}

/** Airflow counts an attempt as soon as it schedules it. */
function attemptsBefore({ state, try_number }: TaskInstance): number {
  const isCounted = state !== null && state !== "skipped" && state !== "upstream_failed";
  return Math.max(0, isCounted ? try_number - 1 : try_number);
}

/** The number of the last attempt that failed. All but the last one did, or there would be no other after it. */
function lastFailed({ state, try_number }: TaskInstance): number {
  const isCounted = state !== null && state !== "skipped" && state !== "upstream_failed";
  return state === "failed" || state === "up_for_retry" ? try_number : isCounted ? try_number - 1 : 0;
}
