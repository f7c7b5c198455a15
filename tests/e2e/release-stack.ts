import { execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type LocalAirflow, startAirflow } from "../../local/airflow.ts";
import { startAws } from "../../local/aws.ts";
import { installHost } from "../../local/host.ts";
import { pythonBin } from "../../local/paths.ts";
import { startPostgres } from "../../local/postgres.ts";
import { stopRecorded } from "../../local/process.ts";
import { readPointer } from "../../src/deploy/read-bucket.ts";
import { sync } from "../../src/deploy/sync.ts";
import { type Log, silentLog } from "../../src/log.ts";
import type { Release } from "../../src/release/build-release.ts";
import { S3ObjectStore } from "../../src/services/s3.ts";

/** What the agent printed and how it ended. */
interface AgentOutcome {
  readonly code: number | null;
  readonly answer: AgentAnswer;
  readonly log: string;
}

/** The agent's line of JSON: a proof, a failure or a status. */
export interface AgentAnswer {
  readonly ok?: boolean;
  readonly release?: string | null;
  readonly active?: string | null;
  readonly changed?: boolean;
  readonly healthy?: boolean;
  readonly dags?: number;
  readonly leaving?: readonly string[];
  readonly seconds?: { readonly fetch: number; readonly try: number; readonly switch: number; readonly prove: number };
  readonly error?: { readonly message: string; readonly hint: string | null; readonly file: string | null; readonly line: number | null };
}

/** A host with a real Airflow over PostgreSQL, and a bucket that speaks S3: everything between a sync and a run, but for SSM. */
export interface ReleaseStack {
  readonly dir: string;
  readonly home: string;
  readonly airflow: LocalAirflow;
  readonly store: S3ObjectStore;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly log: Log;
  /** Which release `current.json` names. */
  deployed(): Promise<string | undefined>;
  sync(release: Release): Promise<void>;
  agent(...args: string[]): Promise<AgentOutcome>;
  /** Starts a reload and kills it with -9 once it says `words`. */
  killReloadAt(words: string): Promise<void>;
  stop(): Promise<void>;
}

export async function startReleaseStack(): Promise<ReleaseStack> {
  const dir = mkdtempSync(join(tmpdir(), "dagline-release-"));
  const home = join(dir, "host");
  const stop = async (): Promise<void> => {
    await stopRecorded(dir);
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    return await startParts(dir, home, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startParts(dir: string, home: string, stop: () => Promise<void>): Promise<ReleaseStack> {
  const [postgres, aws] = await Promise.all([startPostgres({ dir, settings: { fsync: "off" } }), startAws({ dir })]);
  const credentialsFile = join(dir, "aws-credentials");
  const { accessKeyId, secretAccessKey } = aws.credentials;
  writeFileSync(credentialsFile, `[default]\naws_access_key_id=${accessKeyId}\naws_secret_access_key=${secretAccessKey}\n`, {
    mode: 0o600,
  });
  const env = { AWS_SHARED_CREDENTIALS_FILE: credentialsFile, AWS_REGION: aws.region, AWS_EC2_METADATA_DISABLED: "true" };
  mkdirSync(home);
  const [airflow] = await Promise.all([
    startAirflow({ dir, home, port: 0, database: { socketDir: postgres.socketDir, port: postgres.port }, env, cleanupSeconds: 2 }),
    aws.createBuckets("dags"),
  ]);
  await installHost(home, {
    bucket: "dags",
    prefix: "",
    staging_bucket: "staging",
    staging_prefix: "",
    region: aws.region,
    s3_endpoint: aws.endpoint,
    node: process.execPath,
    python: join(pythonBin, "python"),
    airflow_home: airflow.airflowHome,
    airflow_api: airflow.url,
    airflow_user: airflow.user,
    airflow_password_file: airflow.passwordFile,
    connection: "dagline_postgres",
    bundle_name: "dagline",
    origins: {},
  });
  const store = new S3ObjectStore({ bucket: "dags", region: aws.region, endpoint: aws.endpoint, credentials: aws.credentials });
  const agentEnv = { PATH: process.env.PATH, ...env };
  const agentFile = join(home, "bin", "dagline-agent");
  return {
    dir,
    home,
    airflow,
    store,
    region: aws.region,
    credentials: aws.credentials,
    log: silentLog,
    stop,
    deployed: async () => (await readPointer(store))?.pointer.release,
    async sync(release) {
      await sync(release, store, { commit: null, now: new Date(), log: silentLog });
    },
    agent: (...args) =>
      new Promise((resolve) => {
        const child = execFile(agentFile, args, { env: agentEnv }, (_error, stdout, stderr) => {
          resolve({ code: child.exitCode, answer: JSON.parse(stdout || "{}") as AgentAnswer, log: stderr });
        });
      }),
    killReloadAt: (words) =>
      new Promise((resolve, reject) => {
        const child = spawn(agentFile, ["reload"], { env: agentEnv, stdio: ["ignore", "ignore", "pipe"] });
        let killed = false;
        createInterface({ input: child.stderr }).on("line", (line) => {
          if (!line.startsWith(words)) return;
          killed = true;
          child.kill("SIGKILL");
        });
        child.once("exit", () => (killed ? resolve() : reject(new Error(`the agent ended before it said: ${words}`))));
      }),
  };
}

/** Seconds of processor time that a process group has used, with that of its children that ended. */
export function processorSeconds(group: number): number {
  let ticks = 0;
  for (const pid of processesOf(group)) {
    const fields = statOf(pid);
    // utime, stime, cutime, cstime: fields 14 to 17 of proc(5), and the first two were cut off.
    for (const index of [11, 12, 13, 14]) ticks += Number(fields[index] ?? 0);
  }
  return ticks / 100;
}

function processesOf(group: number): number[] {
  const children = (pid: number): number[] => {
    const text = readOrEmpty(`/proc/${pid}/task/${pid}/children`);
    return text
      .split(" ")
      .filter(Boolean)
      .flatMap((child) => [Number(child), ...children(Number(child))]);
  };
  return [group, ...children(group)];
}

function statOf(pid: number): string[] {
  const text = readOrEmpty(`/proc/${pid}/stat`);
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // it has just ended
  }
}
