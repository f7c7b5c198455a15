import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HostSettings } from "../src/host/settings.ts";
import { S3ObjectStore } from "../src/services/s3.ts";
import { SsmHostCommands } from "../src/services/ssm.ts";
import { type LocalAirflow, startAirflow } from "./airflow.ts";
import { type LocalAws, startAws } from "./aws.ts";
import { installHost, writeHostSettings } from "./host.ts";
import { liveOrigin, startOrigin } from "./origin.ts";
import { pythonBin, root } from "./paths.ts";
import { type LocalPostgres, startPostgres } from "./postgres.ts";
import { cloudPostgresVersion } from "./postgres-cluster.ts";
import { KEEPER, recordProcess, stopRecorded } from "./process.ts";
import type { Source } from "./run-scrapes.ts";
import { startSsmServer } from "./ssm-server.ts";
import type { StackAddress } from "./stack-address.ts";
import type { Steps } from "./steps.ts";

/** Names that the local stack gives to what the cloud has under other names. */
const names = {
  dagsBucket: "dagline-local-airflow-dags",
  stagingBucket: "dagline-local-staging-data",
  connection: "dagline_postgres",
  database: "data_pipeline_db",
  loader: "dagline_loader",
  instance: "i-0123456789abcdef0",
} as const;

/** The whole system on this machine. */
export interface Stack {
  readonly address: StackAddress;
  readonly postgres: LocalPostgres;
  readonly airflow: LocalAirflow;
  readonly store: S3ObjectStore;
  readonly commands: SsmHostCommands;
  /** Has tasks ask others in the place of these origins, besides the TLC's when the stack stands in for it. */
  setOrigins(origins: Readonly<Record<string, string>>): void;
  /** Resolves once no process of it is left. */
  stop(): Promise<void>;
}

export interface StackOptions {
  /** Where everything of this stack is kept; may exist from an earlier time. */
  readonly dir: string;
  /** The port that Airflow gets when it is free. */
  readonly airflowPort?: number;
  readonly source: Source;
  readonly steps: Steps;
}

/** Brings the whole stack up; when a part fails, what was started is stopped before the error is passed on. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { dir, steps } = options;
  // Others may pass through, not look: run by root, PostgreSQL is another user.
  mkdirSync(dir, { recursive: true, mode: 0o711 });
  const left = await stopRecorded(dir);
  if (left.length > 0) steps.say(`stopped what an earlier run had left behind: ${left.join(", ")}`);
  recordProcess(dir, KEEPER, process.pid);
  const parts: { stop(): Promise<void> }[] = [];
  const stop = async (): Promise<void> => {
    // First, so that nobody asks a stack that is on its way down.
    rmSync(join(dir, "stack.json"), { force: true });
    for (const part of parts.splice(0).reverse()) await part.stop();
    await stopRecorded(dir);
  };
  try {
    const keep: Keep = (part) => {
      parts.push(part);
      return part;
    };
    return { ...(await startParts(options, keep)), stop };
  } catch (error) {
    await steps.run("Stopping what was started", stop);
    throw error;
  }
}

type Keep = <T extends { stop(): Promise<void> }>(part: T) => T;

async function startParts({ dir, airflowPort, source, steps }: StackOptions, keep: Keep): Promise<Omit<Stack, "stop">> {
  const home = join(dir, "host");
  const [postgres, aws, origins] = await settled([
    steps.run("PostgreSQL", async (note) => {
      const started = keep(await startPostgres({ dir }));
      if (started.version !== cloudPostgresVersion) {
        note(
          `version ${started.version}, as the data of an earlier time; the cloud has ${cloudPostgresVersion}, and so has \`npm start -- --fresh\``,
        );
      }
      return started;
    }),
    steps.run("S3", async () => keep(await startAws({ dir }))),
    startOrigins(source, keep),
  ]);
  await aws.createBuckets(names.dagsBucket, names.stagingBucket);
  const credentialsFile = writeCredentials(dir, aws);
  const env = hostEnvironment(home, aws, credentialsFile);
  const airflow = await steps.run("Airflow 3.3.2", async (note) => {
    const port = airflowPort === undefined ? {} : { port: airflowPort };
    const started = keep(await startAirflow({ dir, home, database: postgres, env, note, shortRetries: true, ...port }));
    const taken = airflowPort !== undefined && airflowPort !== 0 && Number(new URL(started.url).port) !== airflowPort;
    note(taken ? `${started.url} (port ${airflowPort} is taken)` : started.url);
    return started;
  });
  const settings: HostSettings = {
    bucket: names.dagsBucket,
    prefix: "",
    staging_bucket: names.stagingBucket,
    staging_prefix: "",
    region: aws.region,
    s3_endpoint: aws.endpoint,
    node: process.execPath,
    python: join(pythonBin, "python"),
    airflow_home: airflow.airflowHome,
    airflow_api: airflow.url,
    airflow_user: airflow.user,
    airflow_password_file: airflow.passwordFile,
    connection: names.connection,
    connection_sslmode: "disable",
    bundle_name: "dagline",
    origins,
  };
  await steps.run("Host", async () => {
    await installHost(home, settings);
    await airflow.setConnection({
      connection_id: names.connection,
      conn_type: "postgres",
      host: postgres.host,
      port: postgres.port,
      schema: names.database,
      login: names.loader,
      password: await postgres.setRandomPassword(names.loader),
    });
  });
  const ssm = keep(
    await startSsmServer({
      dir,
      documentsDir: join(root, "infra", "ssm"),
      instanceId: names.instance,
      env,
      region: aws.region,
      credentials: aws.credentials,
    }),
  );
  const address: StackAddress = {
    dir,
    home,
    airflow: { url: airflow.url, user: airflow.user, passwordFile: airflow.passwordFile },
    aws: { region: aws.region, endpoint: aws.endpoint, credentialsFile },
    postgres: { socketDir: postgres.socketDir, port: postgres.port, database: names.database },
    ssm: { endpoint: ssm.endpoint, instance: names.instance },
    dagsBucket: names.dagsBucket,
    stagingBucket: names.stagingBucket,
  };
  writeFileSync(join(dir, "stack.json"), `${JSON.stringify(address, null, 2)}\n`, { mode: 0o600 });
  const { region, endpoint, credentials } = aws;
  return {
    address,
    postgres,
    airflow,
    store: new S3ObjectStore({ bucket: names.dagsBucket, region, endpoint, credentials }),
    commands: new SsmHostCommands({ region, endpoint: ssm.endpoint, credentials, instance: names.instance }),
    setOrigins: (more) => writeHostSettings(home, { ...settings, origins: { ...origins, ...more } }),
  };
}

/** Which URL origins are served from this machine instead. */
async function startOrigins(source: Source, keep: Keep): Promise<Record<string, string>> {
  if (source.kind === "live") return {};
  const origin = keep(await startOrigin(source.kind === "files" ? { dir: source.dir } : {}));
  return { [liveOrigin]: origin.url };
}

/** In the file where AWS's programs look for them; only this user may read it, and they open nothing but this stack. */
function writeCredentials(dir: string, { credentials }: LocalAws): string {
  const file = join(dir, "aws-credentials");
  const text = `[default]\naws_access_key_id = ${credentials.accessKeyId}\naws_secret_access_key = ${credentials.secretAccessKey}\n`;
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

function hostEnvironment(home: string, aws: LocalAws, credentialsFile: string): NodeJS.ProcessEnv {
  const kept = ["PATH", "HOME", "LANG", "TMPDIR", "TZ"].map((name) => [name, process.env[name]] as const);
  return {
    ...Object.fromEntries(kept.filter(([, value]) => value !== undefined)),
    DAGLINE_HOME: home,
    AWS_SHARED_CREDENTIALS_FILE: credentialsFile,
    AWS_REGION: aws.region,
    AWS_EC2_METADATA_DISABLED: "true",
  };
}

/** Like Promise.all, but waits for all to end before it throws, so that what a late one started is known and can be stopped. */
async function settled<A, B, C>(work: [Promise<A>, Promise<B>, Promise<C>]): Promise<[A, B, C]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
