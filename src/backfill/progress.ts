import { cutList } from "./plan.ts";

/** Why a run failed. */
export interface RunFailure {
  readonly period: string;
  readonly run_id: string;
  /** The task that failed, with the month or index that it was mapped to; null when none did. */
  readonly task: string | null;
  /** The last error of its log, in one line. */
  readonly message: string;
}

export interface RunProgress {
  readonly period: string;
  readonly run_id: string;
  /** One of `progressStates`. */
  readonly state: string;
}

/** As Airflow names states, in the order in which a reader looks for them; `waiting` is a run that has not been created yet. */
export const progressStates = ["success", "failed", "cancelled", "running", "queued", "waiting"] as const;

/** How far a backfill is. */
export interface BackfillProgress {
  readonly id: string;
  readonly done: boolean;
  readonly total: number;
  /** By state. */
  readonly counts: Readonly<Record<string, number>>;
  /** Failed ones first, then those under way, those that wait, those that are done; `more` are not listed. */
  readonly runs: readonly RunProgress[];
  readonly more: number;
  /** Of the first failed runs; empty when the watcher knows of them all. */
  readonly failures: readonly RunFailure[];
  /** Why no more runs are begun, in words. */
  readonly halted: string | null;
}

const order = ["failed", "cancelled", "running", "queued", "waiting", "success"];

/** Puts an answer together that fits into what SSM passes on. A halted backfill is done once nothing is under way, and is none when all has ended. */
export function progressOf(
  id: string,
  runs: readonly RunProgress[],
  failures: readonly RunFailure[],
  halted: string | null = null,
): BackfillProgress {
  const counts: Record<string, number> = {};
  for (const { state } of runs) counts[state] = (counts[state] ?? 0) + 1;
  const underWay = (counts.queued ?? 0) + (counts.running ?? 0);
  const waiting = counts.waiting ?? 0;
  const sorted = runs.toSorted((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  const { kept, more } = cutList(sorted, 8_000);
  const done = underWay === 0 && (waiting === 0 || halted !== null);
  return { id, done, total: runs.length, counts, runs: kept, more, failures, halted: underWay + waiting === 0 ? null : halted };
}
