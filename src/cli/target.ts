import { type Command, Option } from "commander";
import type { HostCommands } from "../deploy/host-commands.ts";
import type { ObjectStore } from "../deploy/object-store.ts";
import { UserError } from "../errors.ts";
import { type CloudParts, readStackOutputs } from "../infra/stack-outputs.ts";

/** Which host a command is for. */
export interface HostOptions {
  readonly local?: boolean;
  readonly stacks?: string;
  readonly instance?: string;
  readonly region: string;
}

/** Which bucket and host a command is for. */
export interface TargetOptions extends HostOptions {
  readonly bucket?: string;
  readonly prefix: string;
}

/** The options that say which bucket, or host, or both a command is for. */
export function addTarget(command: Command, ...needs: readonly ("bucket" | "host")[]): Command {
  command
    .option("--local", "the stack that `npm start` keeps up on this machine")
    .addOption(
      new Option("--stacks <prefix>", "the cloud's stacks, whose outputs name bucket and host (data-pipeline)").env("DAGLINE_STACKS"),
    );
  if (needs.includes("bucket")) {
    command
      .addOption(new Option("--bucket <name>", "the bucket of releases").env("DAGLINE_BUCKET"))
      .addOption(new Option("--prefix <prefix>", "what stands before every key in it").env("DAGLINE_PREFIX").default(""));
  }
  if (needs.includes("host")) command.addOption(new Option("--instance <id>", "the Airflow host's EC2 instance").env("DAGLINE_INSTANCE"));
  return command.addOption(new Option("--region <region>", "the AWS region").env("AWS_REGION").default("eu-west-2"));
}

export async function bucketOf(options: TargetOptions): Promise<ObjectStore> {
  const { S3ObjectStore } = await import("../services/s3.ts");
  if (options.local) {
    const { aws, dagsBucket } = await localStack();
    return new S3ObjectStore({ bucket: dagsBucket, region: aws.region, endpoint: aws.endpoint });
  }
  const bucket = options.bucket ?? (await partsOf(options))?.bucket;
  if (bucket === undefined) throw missing("bucket", "--bucket NAME or DAGLINE_BUCKET");
  return new S3ObjectStore({ bucket, prefix: options.prefix, region: options.region });
}

export async function hostOf(options: HostOptions): Promise<HostCommands> {
  const { SsmHostCommands } = await import("../services/ssm.ts");
  if (options.local) {
    const { aws, ssm } = await localStack();
    return new SsmHostCommands({ region: aws.region, endpoint: ssm.endpoint, instance: ssm.instance });
  }
  const parts = await partsOf(options);
  const instance = options.instance ?? parts?.instance;
  if (instance === undefined) throw missing("host", "--instance ID or DAGLINE_INSTANCE");
  return new SsmHostCommands({ region: options.region, instance, ...(parts === undefined ? {} : { output: parts.output }) });
}

/** What the stacks' outputs say; undefined when none are named. */
async function partsOf({ stacks, region }: HostOptions): Promise<CloudParts | undefined> {
  if (stacks === undefined) return undefined;
  const { CloudFormationStacks } = await import("../services/cloudformation.ts");
  return readStackOutputs(stacks, new CloudFormationStacks({ region }));
}

async function localStack() {
  const { runningStack } = await import("../../local/stacks.ts");
  const stack = runningStack();
  // The SDK reads its own file of credentials: the secret is in no variable of ours.
  process.env.AWS_SHARED_CREDENTIALS_FILE = stack.aws.credentialsFile;
  delete process.env.AWS_ACCESS_KEY_ID;
  delete process.env.AWS_PROFILE;
  return stack;
}

function missing(what: string, how: string): UserError {
  return new UserError(`no ${what} is named`, { hint: `Give --stacks PREFIX, ${how}, or --local for the stack of \`npm start\`.` });
}
