import type { FailedAttempt } from "./attempts.ts";
import type { AirflowCall, Run } from "./runs.ts";
import { failureOf, nameOf, retryDelay } from "./task-instances.ts";

/** As local/airflow_local_settings.py has it. */
export const LONGEST_RETRY_SECONDS = 5;

/** Says each failed attempt with its reason and what comes next, and of the last one the end of its log. */
export function attemptTeller(
  call: AirflowCall,
  { dag, run }: Run,
  { say, now, noRetries }: { readonly say: (text: string) => void; readonly now: () => Date; readonly noRetries?: boolean },
): (attempt: FailedAttempt) => Promise<void> {
  return async (attempt) => {
    const { task, tryNumber } = attempt;
    const { reason, log } = await failureOf(call, { dag, run, task, attempt: tryNumber });
    const waits = attempt.next === "waits" && noRetries !== true;
    const seconds = waits ? await retryDelay(call, dag, task.task_id) : undefined;
    say(attemptText(`${dag}.${nameOf(task)}`, attempt, { reason, next: nextText(attempt, seconds, now(), noRetries === true) }));
    if (attempt.next === "none" && log !== "") say(`  The end of its log:\n${log.replace(/^/gm, "    ")}`);
  };
}

function attemptText(
  task: string,
  { number, of }: Pick<FailedAttempt, "number" | "of">,
  { reason, next }: { reason: string; next: string },
): string {
  return `  ${task} failed, attempt ${number} of ${of}: ${reason}\n    ${next}`;
}

/** `seconds`: how long Airflow waits between the end of an attempt and the next. */
export function nextText(
  { next, number, of, task }: Pick<FailedAttempt, "next" | "number" | "of" | "task">,
  seconds: number | undefined,
  now: Date,
  noRetries: boolean,
): string {
  if (next === "begun") return "It is being tried again.";
  if (next === "none") return number < of ? "A retry would not help, so it is not tried again." : "That was the last attempt.";
  if (noRetries) return "It is not tried again (--no-retries).";
  if (seconds === undefined || task.end_date === null) return "Airflow tries it again soon.";
  const at = new Date(Date.parse(task.end_date) + seconds * 1000);
  const wait = Math.max(0, Math.round((at.getTime() - now.getTime()) / 1000));
  const here =
    seconds < LONGEST_RETRY_SECONDS
      ? ""
      : ` On this machine a retry waits ${seconds} s at most, on a host as long as \`retry_delay\` says.`;
  return `It is tried again in ${wait} s, at ${at.toTimeString().slice(0, 8)}.${here}`;
}
