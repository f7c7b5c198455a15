import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import { load } from "js-yaml";
import schema from "../schemas/environments.schema.json" with { type: "json" };
import { UserError } from "../src/errors.ts";
import type { CloudFormation } from "../src/infra/cloudformation.ts";
import { type CloudParts, readStackOutputs } from "../src/infra/stack-outputs.ts";

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
  /** Where SSM keeps what commands on the host printed; null: only what it returns. */
  readonly output: CloudParts["output"];
}

/** As the file has it: what is missing comes from the outputs of its stacks. */
interface Place extends Pick<Environment, "region" | "prefix" | "url">, Partial<Pick<Environment, "bucket" | "instance">> {
  readonly stacks?: string;
  readonly command_output_bucket?: string;
  readonly command_log_group?: string;
}

interface Entry extends Place {
  /** The roles that GitHub's jobs assume to look, to deploy, and to apply infra/; null where that is not done from here. */
  readonly plan_role: string | null;
  readonly deploy_role: string | null;
  readonly apply_role: string | null;
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
  const { region, prefix, stacks } = place;
  const parts = stacks === undefined ? undefined : await readStackOutputs(stacks, await connect(region));
  return {
    region,
    prefix,
    // The schema asks for both where no stacks are named.
    bucket: place.bucket ?? parts?.bucket ?? "",
    instance: place.instance ?? parts?.instance ?? "",
    url: place.url ?? parts?.url ?? null,
    output: {
      bucket: place.command_output_bucket ?? parts?.output.bucket ?? null,
      logGroup: place.command_log_group ?? parts?.output.logGroup ?? null,
    },
  };
}
