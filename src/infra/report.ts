import type { InfraChanges } from "../plan/model.ts";

/** What would change, in lines for a terminal: what widens access first, then what loses data, then the rest. */
export function infraText({ changes, widened, destructive }: InfraChanges): string {
  if (changes.length + widened.length + destructive.length === 0) return "no cloud resource changes";
  return [
    ...widened.map((what) => `wider: ${what}`),
    ...destructive.map(({ resource, why }) => `loses data: ${resource}: ${why}`),
    ...changes.map(
      ({ stack, resource, type, action, reason }) =>
        `${action} ${resource} (${type}, ${stack})${reason === undefined ? "" : `: ${reason}`}`,
    ),
  ].join("\n");
}
