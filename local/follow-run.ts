import { setTimeout as delay } from "node:timers/promises";
import { type FailedAttempt, watchAttempts } from "./attempts.ts";
import { type AirflowCall, dagState, type Run } from "./runs.ts";
import { giveUp, runPath, type TaskInstance, taskInstances } from "./task-instances.ts";

export interface RunResult extends Run {
  /**
   * waiting: all that it has left to do is to ask again for data that is not there yet. retrying: tasks failed, and wait for their next attempt.
   * stuck: Airflow will not go on with it, for the reason in `why`. unfinished: it was still under way when the time to wait for it was up.
   */
  readonly state: "success" | "failed" | "waiting" | "retrying" | "stuck" | "unfinished";
  readonly why?: string;
  readonly seconds: number;
  /** Tasks that failed, skipped and so on: how many of each state. */
  readonly tasks: Readonly<Record<string, number>>;
}

export interface Following {
  /** Told now and then of the states of the tasks. */
  readonly progress?: (text: string) => void;
  /** Told of each attempt that failed, as soon as Airflow knows it. */
  readonly failed?: (attempt: FailedAttempt) => Promise<void>;
  /** What failed attempts were told of before; give the same one to follow a run further. */
  readonly attempts?: ReturnType<typeof watchAttempts>;
  /** Ends with `retrying` once nothing is left to do but to wait for the next attempts, and with `unfinished` when other runs come first. */
  readonly leaveWaits?: boolean;
  /** A task that failed is not tried again. */
  readonly noRetries?: boolean;
  readonly limitSeconds?: number;
  readonly signal?: AbortSignal | undefined;
}

const POLL_MS = 300;
const QUEUED_SECONDS = 60;
/** How long nothing of a run runs before Airflow is asked why. */
const STANDSTILL_SECONDS = 5;

/** Waits for a run to end, or to come to where waiting is of no use. */
export async function followRun(call: AirflowCall, { dag, run }: Run, options: Following = {}): Promise<RunResult> {
  const { progress, failed, attempts = watchAttempts(), leaveWaits, noRetries, limitSeconds = 600, signal } = options;
  const start = performance.now();
  let moved = start;
  for (;;) {
    signal?.throwIfAborted();
    const { status, body } = await call("GET", runPath(dag, run));
    const tasks = await taskInstances(call, dag, run);
    const counts = countStates(tasks);
    const result = (state: RunResult["state"], more: { seconds?: number; why?: string } = {}): RunResult => {
      return { dag, run, state, seconds: secondsSince(start), tasks: counts, ...more };
    };
    if (status === 404) return result("stuck", { why: "the run was deleted" });
    for (const attempt of attempts(tasks)) {
      await failed?.(attempt);
      if (noRetries === true && attempt.next === "waits") await giveUp(call, dag, run, attempt.task);
    }
    const { state, duration } = body as { state: string; duration: number | null };
    if (state === "success" || state === "failed") {
      return result(state, duration === null ? {} : { seconds: Math.round(duration * 10) / 10 });
    }
    if (isIdle(counts, "up_for_reschedule")) return result("waiting");
    if (leaveWaits === true && isIdle(counts, "up_for_retry")) return result("retrying");
    if (leaveWaits === true && state === "queued" && secondsSince(start) > QUEUED_SECONDS) {
      return result("unfinished", { why: "it waits until other runs of the DAG have ended (`max_active_runs`)" });
    }
    if (secondsSince(start) > limitSeconds) return result("unfinished");
    if (isUnderWay(counts)) moved = performance.now();
    else if (secondsSince(moved) > STANDSTILL_SECONDS) {
      const why = await whyStuck(call, dag, tasks);
      if (why !== undefined) return result("stuck", { why });
      moved = performance.now();
    }
    progress?.(printCounts(counts));
    await delay(POLL_MS);
  }
}

export function printCounts(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([state, count]) => `${count} ${state}`)
    .join(", ");
}

/** What keeps Airflow from ever going on with the run, in words; undefined when it may yet. */
async function whyStuck(call: AirflowCall, dag: string, tasks: readonly TaskInstance[]): Promise<string | undefined> {
  const state = await dagState(call, dag);
  if (state === undefined) return "the release no longer has this DAG";
  if (state.paused) return "the DAG is paused";
  if (state.broken) return "the DAG does not import";
  for (const pool of new Set(tasks.map((task) => task.pool))) {
    const { status } = await call("GET", `/pools/${encodeURIComponent(pool)}`);
    if (status === 404) return `this Airflow has no pool ${pool}; make it under Admin, Pools`;
  }
  return undefined;
}

function isUnderWay(counts: Readonly<Record<string, number>>): boolean {
  return counts.running !== undefined || counts.up_for_retry !== undefined || counts.restarting !== undefined;
}

/** Whether some tasks are in this state, and the others have ended or wait for them. */
function isIdle(counts: Readonly<Record<string, number>>, state: "up_for_reschedule" | "up_for_retry"): boolean {
  const others = ["success", "skipped", "upstream_failed", "failed", "waiting", "up_for_reschedule", state];
  return counts[state] !== undefined && Object.keys(counts).every((found) => others.includes(found));
}

function countStates(tasks: readonly TaskInstance[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { state } of tasks) counts[state ?? "waiting"] = (counts[state ?? "waiting"] ?? 0) + 1;
  return counts;
}

function secondsSince(start: number): number {
  return Math.round((performance.now() - start) / 100) / 10;
}
