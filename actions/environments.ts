import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import { load } from "js-yaml";
import schema from "../schemas/environments.schema.json" with { type: "json" };
import { UserError } from "../src/errors.ts";
import type { CloudFormation } from "../src/infra/cloudformation.ts";

/** Where a release is deployed to: one entry of `.github/environments.yml`. */
export interface Environment {
  readonly region: string;
  /** The bucket of releases, and what stands before each of its keys. */
  readonly bucket: string;
  readonly prefix: string;
  /** The Airflow host's EC2 instance. */
  readonly instance: string;
  /** Airflow's UI, for people; null when it has no address. */
  readonly url: string | null;
}

/** As the file has it: what is missing comes from the outputs of stacks. */
interface Place extends Omit<Environment, "bucket" | "instance"> {
  readonly bucket?: string;
  readonly instance?: string;
  readonly stack?: string | readonly string[];
}

interface Entry extends Place {
  /** The roles that GitHub's jobs assume to look, and to deploy; null where nothing is looked at, or deployed, from here. */
  readonly plan_role: string | null;
  readonly deploy_role: string | null;
}

const FILE = ".github/environments.yml";
const isEnvironments = new Ajv({ strict: true, allowUnionTypes: true, useDefaults: true, allErrors: true }).compile<Record<string, Entry>>(
  schema,
);

/** Reads one environment of the repository, as it is written there. Throws UserError that names the file, what is wrong in it, and the environments that there are. */
export function readEnvironments(root: string, name: string): Entry {
  const file = join(root, FILE);
  if (!existsSync(file))
    throw new UserError(`${FILE} is missing`, { hint: "It names the bucket and the host of each environment: docs/actions.md shows one." });
  let value: unknown;
  try {
    value = load(readFileSync(file, "utf8"), { filename: FILE });
  } catch (error) {
    throw new UserError(`${FILE} is not YAML: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  if (!isEnvironments(value)) {
    const problems = (isEnvironments.errors ?? []).map(({ instancePath, message, params }) => {
      const extra = "additionalProperty" in params ? ` (${JSON.stringify(params.additionalProperty)})` : "";
      return `${instancePath.slice(1).replaceAll("/", ".") || "the file"} ${message ?? "is wrong"}${extra}`;
    });
    throw new UserError(`${FILE}: ${problems.join("; ")}`, { hint: "schemas/environments.schema.json describes it." });
  }
  const environment = Object.hasOwn(value, name) ? value[name] : undefined;
  if (environment === undefined) {
    throw new UserError(`${FILE} has no environment ${JSON.stringify(name.slice(0, 80))}`, {
      hint: `It has: ${Object.keys(value).join(", ")}.`,
    });
  }
  return environment;
}

/** An environment with what the file leaves to its stacks: their outputs. Throws UserError when a stack or an output is missing. */
export async function resolveEnvironment(place: Place, connect: (region: string) => Promise<CloudFormation>): Promise<Environment> {
  const { region, prefix, url, stack = [] } = place;
  const stacks = typeof stack === "string" ? [stack] : stack;
  if (stacks.length === 0) return { region, prefix, url, bucket: place.bucket ?? "", instance: place.instance ?? "" };
  const cloud = await connect(region);
  const states = await Promise.all(stacks.map((name) => cloud.describe(name)));
  const missing = stacks.filter((_, index) => states[index] === null);
  if (missing.length > 0) {
    throw new UserError(`${FILE}: there is no stack ${missing.join(", ")} in ${region}`, {
      hint: "`dagline apply` makes it. Is this the right account?",
    });
  }
  const outputs = Object.assign({}, ...states.map((state) => state?.outputs ?? {})) as Record<string, string>;
  const output = (name: string): string => {
    const value = outputs[name];
    if (value !== undefined) return value;
    throw new UserError(`${FILE}: no output ${name} in ${stacks.join(", ")}`, {
      hint: `Write the value there by hand, or name the stack that has it.`,
    });
  };
  return {
    region,
    prefix,
    bucket: place.bucket ?? output("DagsBucket"),
    instance: place.instance ?? output("Instance"),
    url: url ?? outputs.AirflowUrl ?? null,
  };
}
