import type { InfraChanges } from "../plan/model.ts";
import type { StackState } from "./cloudformation.ts";
import { planInfra } from "./plan-infra.ts";

/** What the last apply left, kept beside the releases: with it, an apply of the same sources needs no CDK. */
export interface InfraRecord {
  /** A digest of all that the cloud assembly is made from. */
  readonly source: string;
  readonly stacks: readonly { readonly name: string; readonly id: string; readonly updated: string }[];
}

/** Its key in the bucket of releases. */
export const RECORD_KEY = "infra.json";

export const noChanges: InfraChanges = planInfra([], () => "no");

export function makeRecord(source: string, stacks: readonly StackState[]): InfraRecord {
  return { source, stacks: stacks.map(({ name, id, updated }) => ({ name, id, updated })) };
}

/** undefined: it is none of ours, as if there were none. */
export function parseRecord(text: string): InfraRecord | undefined {
  try {
    const { source, stacks } = JSON.parse(text) as Partial<InfraRecord>;
    return typeof source === "string" && Array.isArray(stacks) && stacks.length > 0 ? { source, stacks } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the stacks are as the last apply of these very sources left them: nobody has changed one since. */
export function isCurrent(record: InfraRecord, source: string, states: readonly (StackState | null)[]): boolean {
  return (
    record.source === source &&
    record.stacks.length === states.length &&
    record.stacks.every(({ id, updated }, index) => {
      const state = states[index];
      return state != null && state.id === id && state.updated === updated && /^(CREATE|UPDATE)_COMPLETE$/.test(state.status);
    })
  );
}
