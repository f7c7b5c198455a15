import { UserError } from "../errors.ts";
import type { CloudFormation } from "./cloudformation.ts";

/** Where the parts of a deployed cloud are, as its stacks' outputs say. */
export interface CloudParts {
  /** The bucket of releases. */
  readonly bucket: string;
  /** The Airflow host's EC2 instance. */
  readonly instance: string;
  /** Airflow's UI; null when no stack says. */
  readonly url: string | null;
  /** Where what commands on the host printed is kept: a bucket, a log group. */
  readonly output: { readonly bucket: string | null; readonly logGroup: string | null };
}

/** The stacks of `infra/` that say where something is. */
const told = ["data", "compute", "network"] as const;

/** Reads the outputs of the stacks `<prefix>-data`, `-compute` and `-network`. Throws UserError when one of them, or bucket or host, is missing. */
export async function readStackOutputs(prefix: string, cloud: CloudFormation): Promise<CloudParts> {
  const names = told.map((part) => `${prefix}-${part}`);
  const states = await Promise.all(names.map((name) => cloud.describe(name)));
  const missing = names.filter((_, index) => states[index] === null);
  if (missing.length > 0) {
    throw new UserError(`there is no stack ${missing.join(", ")} in ${cloud.region}`, {
      hint: "`dagline apply` makes it. Is this the right account, region and prefix (`prefix` in infra/config.ts)?",
    });
  }
  const outputs = new Map(states.flatMap((state) => Object.entries(state?.outputs ?? {})));
  const needed = (name: string): string => {
    const value = outputs.get(name);
    if (value !== undefined) return value;
    throw new UserError(`no stack of ${names.join(", ")} has the output ${name}`, {
      hint: "A creation that failed leaves none: `dagline apply` says what is wrong.",
    });
  };
  return {
    bucket: needed("DagsBucket"),
    instance: needed("Instance"),
    url: outputs.get("AirflowUrl") ?? null,
    output: { bucket: outputs.get("LogsBucket") ?? null, logGroup: outputs.get("CommandLogGroup") ?? null },
  };
}
