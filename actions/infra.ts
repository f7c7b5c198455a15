import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ObjectStore } from "../src/deploy/object-store.ts";
import { TransientError, UserError } from "../src/errors.ts";
import type { Cdk, CloudFormation, StackState } from "../src/infra/cloudformation.ts";
import { type ProjectPlan, planProject } from "../src/infra/plan-project.ts";
import { type InfraRecord, isCurrent, makeRecord, noChanges, parseRecord, RECORD_KEY } from "../src/infra/record.ts";
import type { InfraChanges } from "../src/plan/model.ts";
import { readEnvironments } from "./environments.ts";
import type { Services } from "./services.ts";

/** The cloud's part of an action. */
export interface Infra {
  readonly cloud: CloudFormation;
  readonly cdk: Cdk;
  /** A digest of all that infra is made from; null when files differ from the commit. */
  readonly source: string | null;
}

/** The cloud of an environment; throws UserError when the repository has no CDK app. */
export async function connectInfra(environment: string, services: Services): Promise<Infra> {
  const { CdkCli } = await import("../src/services/cdk.ts");
  const { CloudFormationStacks } = await import("../src/services/cloudformation.ts");
  const { infraSource } = await import("../src/services/git.ts");
  // The stacks may not be there yet: only what the file itself says.
  const { region } = readEnvironments(services.root, environment);
  return { cloud: new CloudFormationStacks({ region }), cdk: new CdkCli(services.root), source: await infraSource(services.root) };
}

/** What the last apply of these very sources left, if nobody has changed a stack since: there is nothing to apply then, and CDK is not needed. */
export async function appliedBefore({ cloud, source }: Infra, environment: string, services: Services): Promise<StackState[] | undefined> {
  const record = source === null ? undefined : await readRecord(environment, services);
  if (record === undefined || source === null) return undefined;
  const states = await Promise.all(record.stacks.map(({ name }) => cloud.describe(name)));
  return isCurrent(record, source, states) ? states.filter((state) => state !== null) : undefined;
}

/** Compares the CDK app with what is deployed. `assembly` is removed by `dispose`. */
export async function planStacks(
  { cloud, cdk }: Infra,
  environment: string,
  services: Services,
): Promise<ProjectPlan & { assembly: string; dispose(): void }> {
  const { refuseWithoutCdk } = await import("../src/services/cdk.ts");
  const { readReplacementRules } = await import("../src/services/cloudformation-spec.ts");
  refuseWithoutCdk(services.root);
  const assembly = mkdtempSync(join(tmpdir(), "dagline-assembly-"));
  const dispose = (): void => rmSync(assembly, { recursive: true, force: true });
  try {
    const read = (file: string): string => readFileSync(join(assembly, file), "utf8");
    const context = { environment, commit: services.run.sha };
    const plan = await planProject({ cdk, rule: readReplacementRules(services.root), out: assembly, read, context }, cloud);
    return { ...plan, assembly, dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

/** The cloud's part of a plan, and in words when it was not looked at, and why: a plan without it is better than none. */
export async function readInfra(environment: string, services: Services): Promise<InfraChanges | { readonly notLookedAt: string }> {
  try {
    const infra = await connectInfra(environment, services);
    if ((await appliedBefore(infra, environment, services)) !== undefined) return noChanges;
    const plan = await planStacks(infra, environment, services);
    plan.dispose();
    return plan.changes;
  } catch (error) {
    if (services.signal.aborted || !(error instanceof UserError || error instanceof TransientError)) throw error;
    services.log.warn(`cloud resources were not looked at: ${error.message}${error.hint === undefined ? "" : `\n${error.hint}`}`);
    return { notLookedAt: error.message };
  }
}

/** Remembers what was applied, in the bucket of releases. Best effort: the next apply then looks at everything again. */
export async function keepRecord({ source }: Infra, states: readonly StackState[], environment: string, services: Services): Promise<void> {
  if (source === null || states.length === 0) return;
  try {
    const store = await services.bucket(environment);
    const body = new TextEncoder().encode(`${JSON.stringify(makeRecord(source, states))}\n`);
    await store.put(RECORD_KEY, body, { contentType: "application/json" });
  } catch (error) {
    if (!(error instanceof UserError || error instanceof TransientError)) throw error;
    services.log.warn(`what was applied could not be noted down, so the next apply takes longer: ${error.message}`);
  }
}

/** undefined when there is none, or when the bucket is not there yet: the stacks make it. */
async function readRecord(environment: string, services: Services): Promise<InfraRecord | undefined> {
  try {
    const store: ObjectStore = await services.bucket(environment);
    const found = await store.get(RECORD_KEY);
    return found === undefined ? undefined : parseRecord(new TextDecoder().decode(found.body));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    services.log.info(`no note of an earlier apply: ${error.message}`);
    return undefined;
  }
}
