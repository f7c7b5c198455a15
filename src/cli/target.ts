import type { HostCommands } from "../deploy/host-commands.ts";
import type { ObjectStore } from "../deploy/object-store.ts";
import { UserError } from "../errors.ts";

/** Which host a command is for. */
export interface HostOptions {
  readonly local?: boolean;
  readonly instance?: string;
  readonly region: string;
}

/** Which bucket and host a command is for. */
export interface TargetOptions extends HostOptions {
  readonly bucket?: string;
  readonly prefix: string;
}

export async function bucketOf(options: TargetOptions): Promise<ObjectStore> {
  const { S3ObjectStore } = await import("../services/s3.ts");
  if (options.local) {
    const { aws, dagsBucket } = await localStack();
    return new S3ObjectStore({ bucket: dagsBucket, region: aws.region, endpoint: aws.endpoint });
  }
  if (options.bucket === undefined) throw missing("bucket", "--bucket NAME or DAGLINE_BUCKET");
  return new S3ObjectStore({ bucket: options.bucket, prefix: options.prefix, region: options.region });
}

export async function hostOf(options: HostOptions): Promise<HostCommands> {
  const { SsmHostCommands } = await import("../services/ssm.ts");
  if (options.local) {
    const { aws, ssm } = await localStack();
    return new SsmHostCommands({ region: aws.region, endpoint: ssm.endpoint, instance: ssm.instance });
  }
  if (options.instance === undefined) throw missing("host", "--instance ID or DAGLINE_INSTANCE");
  return new SsmHostCommands({ region: options.region, instance: options.instance });
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
  return new UserError(`no ${what} is named`, { hint: `Give ${how}, or --local for the stack of \`npm start\`.` });
}
