import { TransientError, UserError } from "../errors.ts";
import type { StackEvent, StackState } from "./cloudformation.ts";
import { nextStep } from "./stack-state.ts";

/** Reasons that follow from another resource's failure. */
const follows =
  /^Resource (creation|update|deletion) cancelled|^The following resource\(s\) failed|^Rollback requested by user|^User Initiated/i;

/** What a resource's reason tells to do, by what AWS's services say. */
const reasons: readonly { readonly says: RegExp; readonly passing?: boolean; readonly hint: (match: RegExpExecArray) => string }[] = [
  {
    says: /not authorized to perform:? ([\w-]+:\w+)|AccessDenied|access denied|UnauthorizedOperation/i,
    hint: ([, action]) =>
      `The role that CloudFormation works with (by default the bootstrap's cdk-…-cfn-exec-role) needs ${action === undefined ? "the permission" : `the permission ${action}`}.`,
  },
  {
    says: /LimitExceeded|quota|limit(?: has been)? (?:exceeded|reached)|(?:reached|exceeds?|exceeded)[^.]{0,60}(?:limit|maximum|quota)|maximum number of|too many/i,
    hint: () =>
      "A quota of the account is used up: remove what is no longer needed, or ask for more under Service Quotas. Then run this again.",
  },
  {
    says: /^Export .* cannot be (?:deleted|updated) as it is in use by ([\w-]+)/i,
    hint: ([, user]) =>
      `First deploy a version of ${user} that does not import it (\`exportValue\` keeps the export meanwhile), then this one.`,
  },
  {
    says: /custom-named resource requires replacing/i,
    hint: () => "Give the resource another name in infra/, or none: both have to be there for a moment.",
  },
  {
    says: /already exists|is not available|BucketAlreadyOwnedByYou|EntityAlreadyExists/i,
    hint: () =>
      "Something outside the stack has that name: remove it, take it into the stack (`npx cdk import`), or choose another name in infra/config.ts.",
  },
  {
    says: /insufficient(?:\w*)capacity|do not have sufficient|throttl|rate exceeded|internal ?(?:failure|error)|service unavailable|timed? ?out/i,
    passing: true,
    hint: () => "It may pass: run this again.",
  },
];

/** The event that began the failure: the first whose reason does not only follow from another's. undefined: no resource failed. */
function firstFailure(events: readonly StackEvent[], stack: string): StackEvent | undefined {
  const failed = events.filter(({ status }) => status.endsWith("_FAILED"));
  const own = failed.filter(({ reason }) => reason !== null && !follows.test(reason));
  // The stack's own event sums up those of its resources.
  // A change that no resource takes the blame for (an export in use, a template that can't be applied) stands on the stack's own event that it goes back.
  const refused = events.find(({ status, reason }) => status.endsWith("ROLLBACK_IN_PROGRESS") && reason !== null && !follows.test(reason));
  return own.find(({ type, resource }) => !isStackItself(type, resource, stack)) ?? own[0] ?? refused ?? failed[0];
}

/** A failed change of a stack as one error: which resource, why, and what to do. */
export function failureOf(state: StackState, events: readonly StackEvent[], region: string): UserError | TransientError {
  const event = firstFailure(events, state.name);
  const reason =
    event?.reason?.replace(/\s*\((?:Service|RequestToken|HandlerErrorCode):.*$/s, "").trim() || "CloudFormation gives no reason";
  const known = reasons.find(({ says }) => says.test(event?.reason ?? ""));
  const match = known?.says.exec(event?.reason ?? "");
  const isStack = event !== undefined && isStackItself(event.type, event.resource, state.name);
  const what = event === undefined || isStack ? "it failed" : `${event.resource} (${event.type}) could not be ${verbOf(event.status)}`;
  const message = `stack ${state.name}: ${what}: ${reason}`;
  const advice = known !== undefined && match != null ? known.hint(match) : "Mend infra/, and merge that.";
  const after =
    nextStep(state, region) ??
    (state.status.includes("ROLLBACK_COMPLETE") ? "The stack was rolled back to what it was." : `The stack is in ${state.status}.`);
  const options = { hint: `${advice} ${after}` };
  return known?.passing === true ? new TransientError(message, options) : new UserError(message, options);
}

function verbOf(status: string): string {
  if (status.startsWith("DELETE")) return "deleted";
  return status.startsWith("UPDATE") ? "updated" : "created";
}

function isStackItself(type: string, resource: string, stack: string): boolean {
  return type === "AWS::CloudFormation::Stack" && resource === stack;
}
