import { setTimeout as pause } from "node:timers/promises";
import { TransientError, UserError } from "../errors.ts";
import { sha256 } from "../ids.ts";
import type { Log } from "../log.ts";
import type { InfraChanges } from "../plan/model.ts";
import { canonicalJson } from "../release/canonical-json.ts";
import type { AssemblyStack } from "./assembly.ts";
import type { Cdk, ChangeSet, CloudFormation, StackEvent, StackState } from "./cloudformation.ts";
import { holdsData } from "./data-types.ts";
import { failureOf } from "./failure.ts";
import type { DeployedStack } from "./read-deployed.ts";
import { hasSucceeded, isUnderWay } from "./stack-state.ts";
import { resourceName } from "./template.ts";

export interface ApplyOptions {
  /** The assembly's folder. */
  readonly assembly: string;
  /** What was shown and let through. */
  readonly planned: InfraChanges;
  /** Loses data that the plan did not show, too. */
  readonly allowDestructive: boolean;
  readonly signal: AbortSignal;
  /** After so many minutes in all nobody watches any longer: an update under way goes on, since a rollback would take as long. Default: no limit. */
  readonly limitMinutes?: number;
  readonly log: Log;
  /** How long to wait between two looks at the events. */
  readonly pollMilliseconds?: number;
}

export interface Applied {
  /** Stacks that were created or updated, in order. */
  readonly changed: readonly string[];
  readonly stacks: readonly StackState[];
  /** Of all stacks, by stack. */
  readonly outputs: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/**
 * A name that says what it changes: what another apply prepares meanwhile has another name, or is the very same. CDK deletes what an earlier apply of the same
 * prepared and did not execute. At most 128 characters.
 */
function changeSetOf({ name, template, tags }: AssemblyStack): string {
  return `dagline-${sha256(canonicalJson([template, tags])).slice(0, 16)}-${name}`.slice(0, 128);
}

const STACK = "AWS::CloudFormation::Stack";

/**
 * Brings the stacks to what the assembly says, in order, each by a change set; a stack that is right already costs nothing. Stops at the
 * first that fails, with the reason of the resource that failed first. Throws UserError when a change set would lose data that the plan
 * did not show, TransientError after `limitMinutes`. When the signal aborts, an update under way is rolled back, if it has a way back.
 */
export async function applyInfra(
  stacks: readonly DeployedStack[],
  cloud: CloudFormation,
  cdk: Cdk,
  options: ApplyOptions,
): Promise<Applied> {
  const changed: string[] = [];
  const states: StackState[] = [];
  const end = performance.now() + (options.limitMinutes ?? Number.POSITIVE_INFINITY) * 60_000;
  for (const { stack, state, unchanged } of stacks) {
    options.signal.throwIfAborted();
    const after = unchanged ? undefined : await applyStack(stack, state, cloud, cdk, { ...options, end });
    if (after === undefined) options.log.info(`${stack.name}: unchanged`);
    else changed.push(stack.name);
    const now = after ?? state;
    if (now !== null) states.push(now);
  }
  return { changed, stacks: states, outputs: Object.fromEntries(states.map(({ name, outputs }) => [name, outputs])) };
}

/** undefined: CloudFormation finds nothing to change either. */
async function applyStack(
  stack: AssemblyStack,
  state: StackState | null,
  cloud: CloudFormation,
  cdk: Cdk,
  options: Watched,
): Promise<StackState | undefined> {
  const { log, signal, assembly } = options;
  log.info(`${stack.name}: publishing its files and preparing the change`);
  const onLine = (line: string): void => log.info(`  ${line}`);
  const name = changeSetOf(stack);
  await cdk.prepareChangeSet(assembly, stack.id, name, { region: cloud.region, signal, onLine });
  const changeSet = await cloud.changeSet(stack.name, name);
  if (changeSet === null) return undefined;
  refuseUnplanned(stack, changeSet, options);
  const last = state === null ? null : ((await cloud.events(stack.name, null)).at(-1)?.id ?? null);
  signal.throwIfAborted();
  await cloud.execute(stack.name, changeSet.id);
  return follow(stack.name, last, cloud, options);
}

/** What CloudFormation says is certain, and a plan from two templates may have missed it. */
function refuseUnplanned(stack: AssemblyStack, { entries }: ChangeSet, { planned, allowDestructive, log }: ApplyOptions): void {
  const shown = new Set(planned.destructive.map(({ resource }) => resource));
  const lost = entries.filter(
    ({ type, action, replacement, policy }) =>
      holdsData(type) && ((action === "Remove" && policy !== "Retain") || (action === "Modify" && replacement === "True")),
  );
  const nameOf = (id: string): string => {
    const resource = stack.template.Resources[id];
    return resource === undefined ? id : resourceName(id, resource);
  };
  // A resource that goes is in the deployed template only, and was named from there.
  const surprises = lost.filter(({ resource, action }) => action !== "Remove" && !shown.has(`${nameOf(resource)} (${stack.name})`));
  if (surprises.length === 0) return;
  const list = surprises.map(({ resource, type }) => `${nameOf(resource)} (${type}) is replaced`).join("\n");
  if (!allowDestructive)
    throw new UserError(`stack ${stack.name}: CloudFormation would lose data that the plan did not show\n${list}`, {
      hint: "The change set was not executed. Deploy with `allow-destructive` if that is what you want.",
    });
  log.warn(`CloudFormation would lose data that the plan did not show, which was allowed\n${list}`);
}

/** Tells every event until the stack stands still. Throws what failed. */
async function follow(stack: string, after: string | null, cloud: CloudFormation, options: Watched): Promise<StackState> {
  const { log, signal, end, pollMilliseconds = 2000 } = options;
  const seen: StackEvent[] = [];
  for (let last = after; ; ) {
    // The state first: events that came before it are then sure to be there.
    const state = await cloud.describe(stack);
    for (const event of await cloud.events(stack, last)) {
      seen.push(event);
      last = event.id;
      log.info(`  ${stack}: ${event.status} ${event.resource} (${event.type})${event.reason === null ? "" : `: ${event.reason}`}`);
    }
    if (state === null) throw new UserError(`stack ${stack} was deleted while it was changed`, { hint: "Run this again." });
    // Until CloudFormation has begun, the state is still that of before: the stack's own event says when it has ended.
    const told = seen.some(({ type, resource, status }) => type === STACK && resource === stack && status === state.status);
    if (told && !isUnderWay(state.status) && state.status !== "REVIEW_IN_PROGRESS") {
      if (hasSucceeded(state.status)) return state;
      throw failureOf(state, seen, cloud.region);
    }
    if (signal.aborted) await cancel(state, seen, cloud, options);
    if (performance.now() > end) {
      throw new TransientError(`stack ${stack} is still in ${state.status} after ${options.limitMinutes} minutes`, {
        hint: "CloudFormation goes on with it. Run this again once it has ended: it then goes on with the stacks that are left.",
      });
    }
    await pause(pollMilliseconds, undefined, { signal }).catch(() => undefined); // the next round sees the abort
  }
}

/**
 * Types whose update can take an hour, and has no way back while it runs, or takes as long again: PostgreSQL's major versions, a cluster's resize
 * (RDS, "Upgrading the PostgreSQL DB engine"; Redshift, "Resizing clusters"), and the host's set-up with its migration of Airflow.
 */
const oneWay = new Set(["AWS::RDS::DBInstance", "AWS::Redshift::Cluster", "AWS::RedshiftServerless::Workgroup", "AWS::SSM::Association"]);

/** The runner ends us seconds after it asked: CloudFormation goes on by itself, and the log says how. */
async function cancel(
  { name, status }: StackState,
  seen: readonly StackEvent[],
  cloud: CloudFormation,
  { log, signal }: Watched,
): Promise<never> {
  const running = seen.findLast(({ type, resource }, index) => {
    const later = seen.slice(index + 1).some((other) => other.resource === resource);
    return oneWay.has(type) && !later && seen[index]?.status.endsWith("_IN_PROGRESS");
  });
  if (status === "UPDATE_IN_PROGRESS" && running === undefined) {
    await cloud.cancelUpdate(name);
    log.warn(`${name}: its update is cancelled; CloudFormation takes it back to what it was, with or without us`);
  } else {
    const why =
      running === undefined
        ? `${status} cannot be cancelled`
        : `${running.resource} (${running.type}) is being changed, which has no quick way back`;
    log.warn(`${name}: ${why}; CloudFormation goes on with it. Stacks after it are not begun`);
  }
  throw signal.reason;
}

/** `end`: when nobody watches any longer, as performance.now() counts. */
type Watched = ApplyOptions & { readonly end: number };
