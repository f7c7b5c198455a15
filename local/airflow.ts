import { join } from "node:path";
import getPort from "get-port";
import { UserError } from "../src/errors.ts";
import { AirflowApi } from "../src/services/airflow-api.ts";
import { writeAirflowConfig } from "./airflow-config.ts";
import { migrateAirflow } from "./airflow-database.ts";
import { installPythonPackage } from "./host.ts";
import { pythonBin } from "./paths.ts";
import { type Service, startService, waitUntilReady } from "./process.ts";

/** A real Airflow on this machine: API server, scheduler and DAG processor. */
export interface LocalAirflow {
  /** E.g. `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly user: string;
  /** Airflow's own file of passwords, mode 0600. */
  readonly passwordFile: string;
  readonly airflowHome: string;
  readonly api: AirflowApi;
  /** The API server, the scheduler and the DAG processor, as `airflow-api-server` and so on. */
  readonly services: readonly Service[];
  /** Creates a connection, or makes an existing one like this. The password goes through the API, so never through argv or a file. */
  setConnection(connection: AirflowConnection): Promise<void>;
  stop(): Promise<void>;
}

/** As Airflow's API names its members. */
interface AirflowConnection {
  readonly connection_id: string;
  readonly conn_type: string;
  readonly host?: string;
  readonly port?: number;
  readonly schema?: string;
  readonly login?: string;
  readonly password?: string;
  readonly extra?: string;
}

export interface AirflowOptions {
  /** The stack's folder: Airflow's home is `<dir>/airflow`. */
  readonly dir: string;
  /** The host's folder, DAGLINE_HOME. */
  readonly home: string;
  /** Where role and database `airflow` are; its Unix socket lets them in without a password. */
  readonly database: AirflowDatabase;
  /** The port that is tried first. */
  readonly port?: number;
  /** What the host's programs need to find their services. Anything but the variables in `passedOn` is left out: it could be a secret. */
  readonly env?: NodeJS.ProcessEnv;
  /** How many tasks may run at a time. */
  readonly parallelism?: number;
  /** How often it drops the Assets that no DAG names; Airflow's own default is 60. */
  readonly cleanupSeconds?: number;
  /** A task that failed is tried again after seconds, whatever its DAG says. */
  readonly shortRetries?: boolean;
  /** Told what is being done. */
  readonly note?: (text: string) => void;
}

export interface AirflowDatabase {
  readonly socketDir: string;
  readonly port: number;
}

/** The variables of `env` that Airflow's processes get: names of places and files, no secret. */
const passedOn =
  /^(DAGLINE_\w+|AWS_(SHARED_CREDENTIALS_FILE|CONFIG_FILE|PROFILE|REGION|DEFAULT_REGION|EC2_METADATA_DISABLED|ENDPOINT_URL\w*))$/;

/** Starts Airflow and waits until it is healthy; when a part does not start, the others are stopped before the error is passed on. */
export async function startAirflow(options: AirflowOptions): Promise<LocalAirflow> {
  const airflowHome = join(options.dir, "airflow");
  const port = await getPort({ port: options.port ?? 8080, host: "127.0.0.1" });
  const config = writeAirflowConfig({
    airflowHome,
    home: options.home,
    database: options.database,
    port,
    parallelism: options.parallelism ?? 8,
    cleanupSeconds: options.cleanupSeconds ?? 60,
    shortRetries: options.shortRetries ?? false,
  });
  const env = airflowEnvironment(airflowHome, options);
  installPythonPackage(options.home);
  options.note?.("starting");
  const since = new Date();
  // The API server takes longest to start and needs no table for that.
  const services = [startPart("api-server", options.dir, env)];
  const stop = async (): Promise<void> => {
    await Promise.all(services.map((service) => service.stop()));
  };
  const { url, user, passwordFile } = config;
  const api = new AirflowApi({ url, user, passwordFile });
  try {
    await migrateAirflow({ dir: options.dir, airflowHome, database: options.database, env, note: options.note ?? (() => {}) });

    services.push(startPart("scheduler", options.dir, env), startPart("dag-processor", options.dir, env));
    await Promise.all(services.map((service) => waitUntilReady(service, () => isHealthy(api, service.name, since))));
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, user, passwordFile, airflowHome, api, services, stop, setConnection: (connection) => setConnection(api, connection) };
}

/** What every process of this Airflow has for its environment, and nothing else. */
function airflowEnvironment(airflowHome: string, options: AirflowOptions): NodeJS.ProcessEnv {
  const given = Object.entries(options.env ?? {}).filter(([name]) => passedOn.test(name));
  return {
    ...Object.fromEntries(given),
    PATH: `${pythonBin}:${process.env.PATH}`,
    HOME: airflowHome,
    LANG: "C.UTF-8",
    TZ: "UTC",
    // As on the host: zones of the locked package tzdata.
    PYTHONTZPATH: "",
    NO_COLOR: "1",
    AIRFLOW_HOME: airflowHome,
    DAGLINE_HOME: options.home,
    PYTHONPATH: join(options.home, "python"),
    // A release's folder stays as it was installed.
    PYTHONDONTWRITEBYTECODE: "1",
  };
}

type Part = "api-server" | "scheduler" | "dag-processor";

function startPart(part: Part, dir: string, env: NodeJS.ProcessEnv): Service {
  // The API server reads the logs where the tasks write them: no second server for them is needed.
  const more = part === "scheduler" ? ["--skip-serve-logs"] : [];
  return startService({ name: `airflow-${part}`, command: join(pythonBin, "airflow"), args: [part, ...more], env, cwd: dir, dir });
}

/** Whether the part has given a sign of life since `since`. */
async function isHealthy(api: AirflowApi, service: string, since: Date): Promise<boolean> {
  const { status, body } = await api.health();
  const health = body as Record<string, { status?: string | null; [heartbeat: string]: string | null | undefined } | undefined>;
  if (status !== 200 || health.metadatabase?.status !== "healthy") return false;
  if (service === "airflow-api-server") return true;
  const part = service.replace("airflow-", "").replace("-", "_");
  const heartbeat = health[part]?.[`latest_${part}_heartbeat`];
  return health[part]?.status === "healthy" && heartbeat != null && new Date(heartbeat) >= since;
}

async function setConnection(api: AirflowApi, connection: AirflowConnection): Promise<void> {
  let answer = await api.call("POST", "/connections", connection);
  if (answer.status === 409) answer = await api.call("PATCH", `/connections/${connection.connection_id}`, connection);
  if (answer.status >= 400) throw new UserError(`Airflow refused the connection ${connection.connection_id}: status ${answer.status}`);
}
