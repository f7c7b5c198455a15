import { type LogLine, lastError } from "../src/services/airflow-log.ts";
import type { AirflowCall } from "./runs.ts";

/** One task of one run, as Airflow's API gives it. */
export interface TaskInstance {
  readonly task_id: string;
  /** null: it was not looked at yet. */
  readonly state: string | null;
  /** -1 unless the task is mapped. */
  readonly map_index: number;
  /** What a person calls the mapped one, e.g. its month. */
  readonly rendered_map_index: string | null;
  /** The last attempt that was begun or is about to; 0 before the first. */
  readonly try_number: number;
  /** The last attempt that Airflow will make is one more than this. */
  readonly max_tries: number;
  readonly end_date: string | null;
  readonly pool: string;
}

/** Airflow's API gives at most so many of anything in one answer (`[api] maximum_page_limit`). */
const PAGE = 100;

export async function taskInstances(call: AirflowCall, dag: string, run: string): Promise<TaskInstance[]> {
  const found: TaskInstance[] = [];
  for (;;) {
    const { body } = await call("GET", `${runPath(dag, run)}/taskInstances?limit=${PAGE}&offset=${found.length}`);
    const { task_instances = [], total_entries = 0 } = body as { task_instances?: TaskInstance[]; total_entries?: number };
    found.push(...task_instances);
    if (task_instances.length === 0 || found.length >= total_entries) return found;
  }
}

/** `extract`, or `extract[2023-01]` when it is mapped. */
export function nameOf({ task_id, map_index, rendered_map_index }: TaskInstance): string {
  return map_index < 0 ? task_id : `${task_id}[${rendered_map_index ?? map_index}]`;
}

/** Why an attempt failed, in one line with its hint, and the end of its log. */
export async function failureOf(
  call: AirflowCall,
  { dag, run, task, attempt }: { dag: string; run: string; task: TaskInstance; attempt: number },
): Promise<{ reason: string; log: string }> {
  const path = `${runPath(dag, run)}/taskInstances/${task.task_id}/logs/${attempt}?map_index=${task.map_index}`;
  const { body } = await call("GET", path);
  const content = (body as { content?: unknown } | null)?.content;
  const lines = Array.isArray(content) ? (content as LogLine[]) : [];
  const texts = lines.flatMap(({ event }) => (typeof event === "string" ? [event] : []));
  return { reason: lastError(lines) ?? "its log names no error", log: ownLines(texts).slice(-20).join("\n") };
}

/** Without the groups that Airflow puts around what the task itself printed. */
function ownLines(texts: readonly string[]): string[] {
  let depth = 0;
  return texts.filter((text) => {
    if (text.startsWith("::group::")) depth++;
    if (text.startsWith("::endgroup::")) depth--;
    return depth === 0 && !text.startsWith("::");
  });
}

/** How long Airflow waits before it tries the task again, in seconds. */
export async function retryDelay(call: AirflowCall, dag: string, task: string): Promise<number | undefined> {
  const { status, body } = await call("GET", `/dags/${dag}/tasks/${task}`);
  const delay = (body as { retry_delay?: { days?: number; seconds?: number } | null } | null)?.retry_delay;
  return status >= 400 || delay == null ? undefined : (delay.days ?? 0) * 86_400 + (delay.seconds ?? 0);
}

/** Ends a task that waits for its next attempt, so that the run ends. */
export async function giveUp(call: AirflowCall, dag: string, run: string, task: TaskInstance): Promise<void> {
  const mapped = task.map_index < 0 ? "" : `/${task.map_index}`;
  await call("PATCH", `${runPath(dag, run)}/taskInstances/${task.task_id}${mapped}`, { new_state: "failed" });
}

export function runPath(dag: string, run: string): string {
  return `/dags/${dag}/dagRuns/${encodeURIComponent(run)}`;
}
