import type { InfraChanges } from "../plan/model.ts";
import { readAssembly } from "./assembly.ts";
import type { Cdk, CloudFormation } from "./cloudformation.ts";
import type { ReplacementRule } from "./compare-templates.ts";
import { planInfra } from "./plan-infra.ts";
import { bootstrappedAccount, type DeployedStack, readDeployed, refuseOldBootstrap } from "./read-deployed.ts";

export interface Project {
  readonly cdk: Cdk;
  readonly rule: ReplacementRule;
  /** An empty folder for the cloud assembly. */
  readonly out: string;
  /** A file of that folder, as text. */
  readonly read: (file: string) => string;
  /** What the app is told: `environment`, `commit`. */
  readonly context: Readonly<Record<string, string>>;
}

export interface ProjectPlan {
  readonly changes: InfraChanges;
  readonly stacks: readonly DeployedStack[];
}

/** Makes the assembly of the repository's CDK app and compares it with what is deployed. Throws what `bootstrappedAccount` and CDK do. */
export async function planProject({ cdk, rule, out, read, context }: Project, cloud: CloudFormation): Promise<ProjectPlan> {
  const bootstrap = await bootstrappedAccount(cloud);
  await cdk.synthesize(out, { account: bootstrap.account, region: cloud.region, context });
  const assembled = readAssembly(read);
  refuseOldBootstrap(assembled, bootstrap, cloud.region);
  const stacks = await readDeployed(assembled, cloud);
  const templates = stacks.map(({ stack, deployed, tags }) => ({ stack: stack.name, before: deployed, after: stack.template, tags }));
  return { changes: planInfra(templates, rule), stacks };
}
