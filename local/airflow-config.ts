import { randomBytes } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AirflowDatabase } from "./airflow.ts";
import { root } from "./paths.ts";

export interface AirflowConfig {
  readonly url: string;
  readonly user: string;
  readonly passwordFile: string;
}

interface ConfigOptions {
  readonly airflowHome: string;
  /** The host's folder, DAGLINE_HOME. */
  readonly home: string;
  readonly database: AirflowDatabase;
  readonly port: number;
  readonly parallelism: number;
  readonly cleanupSeconds: number;
  readonly shortRetries: boolean;
}

const user = "admin";

/** Writes `airflow.cfg` (mode 0600: it holds the keys, which are made once and kept) and the file of passwords. */
export function writeAirflowConfig(options: ConfigOptions): AirflowConfig {
  const { airflowHome, port } = options;
  mkdirSync(airflowHome, { recursive: true, mode: 0o700 });
  const url = `http://127.0.0.1:${port}`;
  const passwordFile = join(airflowHome, "passwords.json");
  // Airflow would make up a password, too, but prints it to its log.
  if (!existsSync(passwordFile))
    writeFileSync(passwordFile, `${JSON.stringify({ [user]: randomBytes(18).toString("base64url") })}\n`, { mode: 0o600 });
  const text = Object.entries(sections(options, url, passwordFile, readKeys(airflowHome)))
    .map(([section, entries]) => `[${section}]\n${Object.entries(entries).map(printEntry).join("")}`)
    .join("\n");
  writeFileSync(join(airflowHome, "airflow.cfg"), text, { mode: 0o600 });
  if (options.shortRetries) writePolicy(airflowHome);
  return { url, user, passwordFile };
}

/** Airflow imports it from the folder `config` in its home. */
function writePolicy(airflowHome: string): void {
  const folder = join(airflowHome, "config");
  mkdirSync(folder, { recursive: true });
  cpSync(join(root, "local", "airflow_local_settings.py"), join(folder, "airflow_local_settings.py"));
}

interface Keys {
  readonly fernet: string;
  readonly jwt: string;
  readonly api: string;
}

function sections(
  options: ConfigOptions,
  url: string,
  passwordFile: string,
  keys: Keys,
): Record<string, Record<string, string | number | boolean>> {
  const { database, home, port, parallelism, cleanupSeconds, airflowHome } = options;
  const query = `host=${encodeURIComponent(database.socketDir)}&port=${database.port}`;
  const bundles = [
    { name: "dagline", classpath: "dagline_airflow.bundle.DaglineBundle", kwargs: { home, refresh_interval: 1 } },
    { name: "dagline_leaving", classpath: "dagline_airflow.bundle.LeavingBundle", kwargs: { home, refresh_interval: 1 } },
  ];
  return {
    core: {
      executor: "LocalExecutor",
      parallelism,
      load_examples: false,
      fernet_key: keys.fernet,
      simple_auth_manager_users: `${user}:admin`,
      simple_auth_manager_passwords_file: passwordFile,
      execution_api_server_url: `${url}/execution/`,
      // The name of this machine is enough; asking a name server for more can hang where there is none.
      hostname_callable: "socket.gethostname",
      // A second release within half a minute is as welcome as the first.
      min_serialized_dag_update_interval: 0,
    },
    database: {
      sql_alchemy_conn: `postgresql+psycopg2://airflow@/airflow?${query}`,
      sql_alchemy_conn_async: `postgresql+asyncpg://airflow@/airflow?${query}`,
      // migrateAirflow has looked already.
      check_migrations: false,
    },
    logging: { base_log_folder: join(airflowHome, "logs"), colored_console_log: false },
    api: { host: "127.0.0.1", port, workers: 1, base_url: url, secret_key: keys.api },
    api_auth: { jwt_secret: keys.jwt },
    scheduler: { parsing_cleanup_interval: cleanupSeconds },
    dag_processor: {
      dag_bundle_config_list: JSON.stringify(bundles),
      // A release never changes on disk: its files are read when it becomes active, and otherwise hardly ever.
      min_file_process_interval: 86_400,
      bundle_refresh_check_interval: 1,
      file_parsing_sort_mode: "modified_time",
      // The agent removes old releases.
      stale_bundle_cleanup_interval: 0,
      print_stats_interval: 0,
      // Looks for values that change with each parse; a rendered DAG has none.
      dag_version_inflation_check_level: "off",
    },
  };
}

function printEntry([name, value]: [string, string | number | boolean]): string {
  return `${name} = ${String(value).replaceAll("%", "%%")}\n`;
}

/** Made up once for each stack: what Airflow has encrypted with them in its database must stay readable. */
function readKeys(airflowHome: string): Keys {
  const file = join(airflowHome, "keys.json");
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as Keys;
  const key = (): string => randomBytes(32).toString("base64url");
  // Fernet's keys are padded base64url.
  const keys: Keys = { fernet: `${key()}=`, jwt: `${key()}${key()}`, api: key() };
  writeFileSync(file, JSON.stringify(keys), { mode: 0o600 });
  return keys;
}
