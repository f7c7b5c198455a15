import { TransientError, UserError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { InfraChanges } from "../plan/model.ts";
import type { CloudFormation, StackState } from "./cloudformation.ts";
import { planInfra } from "./plan-infra.ts";
import { isSettled } from "./stack-state.ts";

/** What the last apply left, kept beside the releases: with it, an apply of the same sources needs no CDK. */
export interface InfraRecord {
  /** A digest of all that the cloud assembly is made from. */
  readonly source: string;
  /** Those that the app has, and those that it no longer has and nobody has deleted. */
  readonly stacks: readonly { readonly name: string; readonly id: string; readonly updated: string }[];
}

/** Where the record is kept: the bucket of releases. Rejects with a UserError where there is none yet: the stacks make it. */
export interface RecordStore {
  get(key: string): Promise<{ readonly body: Uint8Array } | undefined>;
  put(key: string, body: Uint8Array, options: { readonly contentType: string }): Promise<unknown>;
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
      return state != null && state.id === id && state.updated === updated && isSettled(state.status);
    })
  );
}

/** undefined when there is none. */
export async function readRecord(connect: () => Promise<RecordStore>, log: Log): Promise<InfraRecord | undefined> {
  try {
    const found = await (await connect()).get(RECORD_KEY);
    return found === undefined ? undefined : parseRecord(new TextDecoder().decode(found.body));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    log.info(`no note of an earlier apply: ${error.message}`);
    return undefined;
  }
}

/** Best effort: without a record the next apply looks at everything again. */
export async function keepRecord(record: InfraRecord, connect: () => Promise<RecordStore>, log: Log): Promise<void> {
  try {
    const body = new TextEncoder().encode(`${JSON.stringify(record)}\n`);
    await (await connect()).put(RECORD_KEY, body, { contentType: "application/json" });
  } catch (error) {
    if (!(error instanceof UserError || error instanceof TransientError)) throw error;
    log.warn(`what was applied could not be noted down, so the next apply takes longer: ${error.message}`);
  }
}

/** The stacks, when these very sources were applied last and nobody has changed a stack since: there is nothing to apply then, and CDK is not needed. */
export async function appliedBefore(
  record: InfraRecord | undefined,
  source: string | null,
  cloud: CloudFormation,
): Promise<StackState[] | undefined> {
  if (record === undefined || record.source !== source) return undefined;
  const states = await Promise.all(record.stacks.map(({ name }) => cloud.describe(name)));
  return isCurrent(record, source, states) ? states.filter((state) => state !== null) : undefined;
}
