import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TransientError, UserError } from "../src/errors.ts";
import type { Cdk, CloudFormation, StackState } from "../src/infra/cloudformation.ts";
import { type ProjectPlan, planProject } from "../src/infra/plan-project.ts";
import { appliedBefore, type InfraRecord, keepRecord, makeRecord, noChanges, readRecord } from "../src/infra/record.ts";
import type { InfraChanges } from "../src/plan/model.ts";
import { readEnvironments } from "./environments.ts";
import type { Services } from "./services.ts";

/** The cloud's part of an action. */
export interface Infra {
  readonly cloud: CloudFormation;
  readonly cdk: Cdk;
  /** A digest of all that infra is made from; null when files differ from the commit. */
  readonly source: string | null;
  /** What the last apply noted down. */
  readonly record: InfraRecord | undefined;
}

/** The cloud of an environment; throws UserError when the repository has no CDK app. */
export async function connectInfra(environment: string, services: Services): Promise<Infra> {
  const { CdkCli } = await import("../src/services/cdk.ts");
  const { CloudFormationStacks } = await import("../src/services/cloudformation.ts");
  const { infraSource } = await import("../src/services/git.ts");
  // The stacks may not be there yet: only what the file itself says.
  const { region } = readEnvironments(services.root, environment);
  const record = await readRecord(() => services.bucket(environment), services.log);
  const source = await infraSource(services.root, environment);
  return { cloud: new CloudFormationStacks({ region }), cdk: new CdkCli(services.root), source, record };
}

/** Compares the CDK app with what is deployed. `assembly` is removed by `dispose`. */
export async function planStacks(
  { cloud, cdk, record }: Infra,
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
    const noted = record?.stacks.map(({ name }) => name) ?? [];
    const plan = await planProject({ cdk, rule: readReplacementRules(services.root), out: assembly, read, context, noted }, cloud);
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
    if ((await appliedBefore(infra.record, infra.source, infra.cloud)) !== undefined) return noChanges;
    const plan = await planStacks(infra, environment, services);
    plan.dispose();
    return plan.changes;
  } catch (error) {
    if (services.signal.aborted || !(error instanceof UserError || error instanceof TransientError)) throw error;
    services.log.warn(`cloud resources were not looked at: ${error.message}${error.hint === undefined ? "" : `\n${error.hint}`}`);
    return { notLookedAt: error.message };
  }
}

/** Remembers what was applied, and which stacks the app no longer has. */
export async function noteApplied(
  { source }: Infra,
  states: readonly StackState[],
  environment: string,
  services: Services,
): Promise<void> {
  if (source !== null && states.length > 0) await keepRecord(makeRecord(source, states), () => services.bucket(environment), services.log);
}
