import { TransientError, UserError } from "../errors.ts";
import type { StackState } from "./cloudformation.ts";

/** Whether a stack has a template: one whose first change set was never executed has none. */
export function isDeployed(state: StackState | null): state is StackState {
  return state !== null && state.status !== "REVIEW_IN_PROGRESS" && state.status !== "DELETE_COMPLETE";
}

export function isUnderWay(status: string): boolean {
  // The clean-up after an update takes away what was replaced; the update itself has succeeded.
  return status.endsWith("_IN_PROGRESS") && status !== "REVIEW_IN_PROGRESS" && status !== "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS";
}

/** Whether a stack stands still and is what its template says, be it that of before a failed update. */
export function isSettled(status: string): boolean {
  return ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"].includes(status);
}

export function hasSucceeded(status: string): boolean {
  return ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "IMPORT_COMPLETE"].includes(status);
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
