import { readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../errors.ts";

/** `host.json`: what the agent and the tasks need to know of this machine. No secret is in it. */
export interface HostSettings {
  /** Where the releases are; `prefix` is empty or ends in `/`. */
  readonly bucket: string;
  readonly prefix: string;
  /** Where the tasks stage their files. */
  readonly staging_bucket: string;
  readonly staging_prefix: string;
  readonly region: string;
  /** Another address than AWS's own. */
  readonly s3_endpoint: string | null;
  /** The programs that run the tasks and Airflow. */
  readonly node: string;
  readonly python: string;
  readonly airflow_home: string;
  /** Without `/api/v2`. */
  readonly airflow_api: string;
  readonly airflow_user: string;
  /** JSON: user name to password. */
  readonly airflow_password_file: string;
  /** The id of Airflow's connection to the database that loads write to. */
  readonly connection: string;
  /** What libpq calls sslmode and sslrootcert, for a connection whose extra does not say. */
  readonly connection_sslmode?: string | null;
  readonly connection_sslrootcert?: string | null;
  /** The name of our bundle in Airflow's configuration. */
  readonly bundle_name: string;
  /** URL origins that are served by another one. */
  readonly origins: Readonly<Record<string, string>>;
}

const texts = [
  "bucket",
  "prefix",
  "staging_bucket",
  "staging_prefix",
  "region",
  "node",
  "python",
  "airflow_home",
  "airflow_api",
  "airflow_user",
  "airflow_password_file",
  "connection",
  "bundle_name",
] as const;

/** Reads `host.json` in the host's folder. Throws a UserError when it is missing or lacks a setting. */
export function readHostSettings(home: string): HostSettings {
  const file = join(home, "host.json");
  const hint = "The host's set-up writes it; DAGLINE_HOME says in which folder it is.";
  let settings: Record<string, unknown>;
  try {
    settings = (JSON.parse(readFileSync(file, "utf8")) ?? {}) as Record<string, unknown>;
  } catch (error) {
    throw new UserError(`the host's settings can't be read from ${file}`, { hint, cause: error });
  }
  const wrong = texts.filter((name) => typeof settings[name] !== "string");
  if (wrong.length > 0) throw new UserError(`${file} lacks ${wrong.join(", ")}`, { hint });
  return { s3_endpoint: null, origins: {}, ...(settings as Partial<HostSettings>) } as HostSettings;
}
