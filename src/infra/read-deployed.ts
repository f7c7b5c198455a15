import { UserError } from "../errors.ts";
import type { AssemblyStack } from "./assembly.ts";
import type { CloudFormation, StackState } from "./cloudformation.ts";
import { isDeployed, isSettled } from "./stack-state.ts";
import { parseTemplate, type Template } from "./template.ts";
import { sameValue } from "./values.ts";

/** A stack of the assembly beside what is deployed of it. */
export interface DeployedStack {
  readonly stack: AssemblyStack;
  /** null: there is none yet. */
  readonly state: StackState | null;
  readonly deployed: Template | null;
  /** The keys of the stack's own tags that differ; CloudFormation hands them on to its resources. */
  readonly tags: readonly string[];
  /** Whether there is nothing to do: the very template, and the same tags. */
  readonly unchanged: boolean;
}

/** What `cdk bootstrap` made of an account. `version` null: its stack does not say. */
interface Bootstrap {
  readonly account: string;
  readonly version: number | null;
}

const BOOTSTRAP = "CDKToolkit";

/** Reads what is deployed of each stack. */
export function readDeployed(stacks: readonly AssemblyStack[], cloud: CloudFormation): Promise<DeployedStack[]> {
  return Promise.all(
    stacks.map(async (stack) => {
      const state = await cloud.describe(stack.name);
      if (!isDeployed(state)) return { stack, state: null, deployed: null, tags: [], unchanged: false };
      const deployed = parseTemplate(await cloud.template(stack.name));
      const settled = isSettled(state.status);
      const tags = differingTags(state, stack);
      return { stack, state, deployed, tags, unchanged: settled && sameValue(deployed, stack.template) && tags.length === 0 };
    }),
  );
}

/** The account that `cdk bootstrap` prepared. Throws UserError when none is. */
export async function bootstrappedAccount(cloud: CloudFormation): Promise<Bootstrap> {
  const state = await cloud.describe(BOOTSTRAP);
  if (!isDeployed(state)) {
    throw new UserError(`the AWS account is not prepared for CDK in ${cloud.region}: it has no stack ${BOOTSTRAP}`, {
      hint: `Once for each account and region, with an administrator's credentials: npx cdk bootstrap aws://ACCOUNT/${cloud.region}`,
    });
  }
  const version = state.outputs.BootstrapVersion ?? "";
  return { account: state.id.split(":")[4] ?? "", version: /^\d+$/.test(version) ? Number(version) : null };
}

/** Throws UserError when the account's bootstrap is too old for a stack. */
export function refuseOldBootstrap(stacks: readonly AssemblyStack[], { account, version }: Bootstrap, region: string): void {
  const least = Math.max(0, ...stacks.map(({ bootstrapVersion }) => bootstrapVersion ?? 0));
  if (version === null || version >= least) return;
  throw new UserError(`the AWS account was prepared for CDK by version ${version} of its bootstrap; infra/ needs ${least}`, {
    hint: `Run it again, with an administrator's credentials: npx cdk bootstrap aws://${account}/${region}`,
  });
}

/** The commit is that of the stack's last change: that another one has come since is no change. */
function differingTags(state: StackState, { tags }: AssemblyStack): string[] {
  const keys = [...new Set([...Object.keys(state.tags), ...Object.keys(tags)])].sort();
  return keys.filter((key) => key !== "commit" && !sameValue(state.tags[key], tags[key]));
}
