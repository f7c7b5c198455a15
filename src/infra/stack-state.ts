import { setTimeout as pause } from "node:timers/promises";
import { TransientError, UserError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { CloudFormation, StackState } from "./cloudformation.ts";

/** Whether a stack has a template: one whose first change set was never executed has none. */
export function isDeployed(state: StackState | null): state is StackState {
  return state !== null && state.status !== "REVIEW_IN_PROGRESS" && state.status !== "DELETE_COMPLETE";
}

export function isUnderWay(status: string): boolean {
  return status.endsWith("_IN_PROGRESS") && status !== "REVIEW_IN_PROGRESS" && !isCleaningUp(status);
}

/** Whether a stack is what its template says, be it that of before a failed update. What it cleans up then is no longer part of it. */
export function isSettled(status: string): boolean {
  const [done] = status.split("_CLEANUP_IN_PROGRESS");
  return ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"].includes(
    done ?? "",
  );
}

export function hasSucceeded(status: string): boolean {
  return ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "IMPORT_COMPLETE"].includes(status);
}

/**
 * Waits until each stack has cleaned up after an earlier update, which takes minutes (an instance ends, a Lambda's network interfaces go) and during which
 * CloudFormation takes no other. Throws what `refuseUnready` does; a TransientError after `limitMinutes`.
 */
export async function waitUntilReady(
  states: readonly (StackState | null)[],
  cloud: Pick<CloudFormation, "describe" | "region">,
  { log, signal, limitMinutes = 45, pollMilliseconds = 10_000 }: WaitOptions,
): Promise<void> {
  const end = performance.now() + limitMinutes * 60_000;
  for (const first of states) {
    let state = first;
    if (state !== null && isCleaningUp(state.status)) log.info(`${state.name}: waiting until it has cleaned up after its last update`);
    while (state !== null && isCleaningUp(state.status) && performance.now() < end) {
      await pause(pollMilliseconds, undefined, { signal });
      state = await cloud.describe(state.name);
    }
    refuseUnready(state, cloud.region);
  }
}

interface WaitOptions {
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly limitMinutes?: number;
  readonly pollMilliseconds?: number;
}

/** The clean-up takes away what was replaced; the update itself, or its rollback, has succeeded. */
function isCleaningUp(status: string): boolean {
  return status.endsWith("_COMPLETE_CLEANUP_IN_PROGRESS");
}

/** Throws when CloudFormation would take no update of the stack: a UserError that gives the command, a TransientError when waiting helps. */
export function refuseUnready(state: StackState | null, region: string): void {
  if (!isDeployed(state)) return;
  const { name, status } = state;
  if (status.endsWith("_IN_PROGRESS")) {
    throw new TransientError(`stack ${name} is being changed (${status})`, {
      hint: "Another deploy or a person is at it: wait until it has ended, then run this again. Nothing was changed.",
    });
  }
  const mend = nextStep(state, region);
  if (mend !== undefined) throw new UserError(`stack ${name} is in ${status}: CloudFormation takes no update of it`, { hint: mend });
}

/** What to do with a stack that takes no update; undefined when it does. */
export function nextStep({ name, status }: Pick<StackState, "name" | "status">, region: string): string | undefined {
  const at = `--stack-name ${name} --region ${region}`;
  if (["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"].includes(status)) {
    return `It was never whole. Delete it, then run this again: aws cloudformation delete-stack ${at}. What it retains (buckets, databases) stays and has to be removed or renamed by hand.`;
  }
  if (status === "UPDATE_ROLLBACK_FAILED") {
    return `Mend what keeps it from going back (its events say), then: aws cloudformation continue-update-rollback ${at}. Then run this again.`;
  }
  if (status === "UPDATE_FAILED") return `Take it back first: aws cloudformation rollback-stack ${at}. Then run this again.`;
  return undefined;
}
