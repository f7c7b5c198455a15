import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import { load } from "js-yaml";
import schema from "../schemas/environments.schema.json" with { type: "json" };
import { UserError } from "../src/errors.ts";

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

const FILE = ".github/environments.yml";
const isEnvironments = new Ajv({ strict: true, useDefaults: true, allErrors: true }).compile<Record<string, Environment>>(schema);

/** Reads one environment of the repository. Throws UserError that names the file, what is wrong in it, and the environments that there are. */
export function readEnvironments(root: string, name: string): Environment {
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
