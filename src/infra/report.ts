import type { InfraChanges } from "../plan/model.ts";

/** What would change, in lines for a terminal: what CloudFormation refuses first, what widens access, then what loses data, then the rest. */
export function infraText({ changes, widened, destructive, refused }: InfraChanges): string {
  if (changes.length + widened.length + destructive.length + refused.length === 0) return "no cloud resource changes";
  return [
    ...refused.map(({ resource, why }) => `CloudFormation refuses: ${resource}: ${why}`),
    ...widened.map((what) => `wider: ${what}`),
    ...destructive.map(({ resource, why }) => `loses data: ${resource}: ${why}`),
    ...changes.map(
      ({ stack, resource, type, action, reason }) =>
        `${action} ${resource} (${type}, ${stack})${reason === undefined ? "" : `: ${reason}`}`,
    ),
  ].join("\n");
}
