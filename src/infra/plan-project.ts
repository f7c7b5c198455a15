import type { InfraChanges } from "../plan/model.ts";
import { type AssemblyStack, readAssembly } from "./assembly.ts";
import type { Cdk, CloudFormation, StackState } from "./cloudformation.ts";
import type { ReplacementRule } from "./compare-templates.ts";
import { planInfra } from "./plan-infra.ts";
import { bootstrappedAccount, type DeployedStack, readDeployed, refuseOldBootstrap } from "./read-deployed.ts";
import { isDeployed } from "./stack-state.ts";

export interface Project {
  readonly cdk: Cdk;
  readonly rule: ReplacementRule;
  /** An empty folder for the cloud assembly. */
  readonly out: string;
  /** A file of that folder, as text. */
  readonly read: (file: string) => string;
  /** What the app is told: `environment`, `commit`. */
  readonly context: Readonly<Record<string, string>>;
  /** The stacks that earlier applies noted down. */
  readonly noted: readonly string[];
}

export interface ProjectPlan {
  readonly changes: InfraChanges;
  readonly stacks: readonly DeployedStack[];
  /** Those that are still there and the app no longer has. Nothing deletes them: one that was only renamed would take its data along. */
  readonly left: readonly StackState[];
}

/** Makes the assembly of the repository's CDK app and compares it with what is deployed. Throws what `bootstrappedAccount` and CDK do. */
export async function planProject({ cdk, rule, out, read, context, noted }: Project, cloud: CloudFormation): Promise<ProjectPlan> {
  const bootstrap = await bootstrappedAccount(cloud);
  await cdk.synthesize(out, { account: bootstrap.account, region: cloud.region, context });
  const assembled = readAssembly(read);
  refuseOldBootstrap(assembled, bootstrap, cloud.region);
  const stacks = await readDeployed(assembled, cloud);
  const templates = stacks.map(({ stack, deployed, tags }) => ({ stack: stack.name, before: deployed, after: stack.template, tags }));
  const left = await stillThere(noted, assembled, cloud);
  const changes = planInfra(templates, rule);
  return { changes: { ...changes, changes: [...changes.changes, ...left.map((state) => leftChange(state, cloud.region))] }, stacks, left };
}

async function stillThere(noted: readonly string[], assembled: readonly AssemblyStack[], cloud: CloudFormation): Promise<StackState[]> {
  const others = noted.filter((name) => !assembled.some((stack) => stack.name === name));
  return (await Promise.all(others.map((name) => cloud.describe(name)))).filter(isDeployed);
}

function leftChange({ name }: StackState, region: string): InfraChanges["changes"][number] {
  const reason = `infra/ no longer has this stack, and it is not deleted. To delete it: aws cloudformation delete-stack --stack-name ${name} --region ${region}`;
  return { stack: name, resource: name, type: "AWS::CloudFormation::Stack", action: "leave", reason };
}
