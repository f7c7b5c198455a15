import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { type LocalAws, startAws } from "../../local/aws.ts";
import { root } from "../../local/paths.ts";
import { CloudFormationStacks } from "../../src/services/cloudformation.ts";

/** An AWS account on this machine, for CDK's command line and ours: moto, with what moto_server.py mends of it. */
export interface CloudAccount {
  readonly aws: LocalAws;
  readonly settings: { readonly region: string; readonly endpoint: string; readonly credentials: LocalAws["credentials"] };
  readonly cloud: CloudFormationStacks;
  /** A folder of its own, which goes with it. */
  readonly dir: string;
  /** Runs a program of Node in `cwd` that sees this account and no other. */
  run(args: readonly string[], cwd: string, more?: NodeJS.ProcessEnv): Promise<Ended>;
  /** Runs CDK's command line in `cwd`; it has to succeed. Returns what it printed. */
  cdk(args: readonly string[], cwd: string, more?: NodeJS.ProcessEnv): Promise<string>;
  /** Runs `dagline` in `cwd`. */
  dagline(args: readonly string[], cwd: string, more?: NodeJS.ProcessEnv): Promise<Ended>;
  stop(): Promise<void>;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

export const ACCOUNT = "123456789012";
export const cdkCli = join(root, "node_modules/aws-cdk/bin/cdk");

export async function startAccount(): Promise<CloudAccount> {
  const dir = mkdtempSync(join(tmpdir(), "dagline-cloud-"));
  const aws = await startAws({ dir: join(dir, "aws"), script: join(root, "tests/infra/moto_server.py") });
  const settings = { region: aws.region, endpoint: aws.endpoint, credentials: aws.credentials };
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    AWS_ENDPOINT_URL: aws.endpoint,
    AWS_ENDPOINT_URL_S3: aws.endpoint,
    // moto reads templates by an address of S3 of this form only.
    AWS_ENDPOINT_URL_S3_FOR_CLOUDFORMATION: `https://s3.${aws.region}.amazonaws.com`,
    AWS_ACCESS_KEY_ID: aws.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: aws.credentials.secretAccessKey,
    AWS_REGION: aws.region,
    AWS_EC2_METADATA_DISABLED: "true",
    CDK_DISABLE_CLI_TELEMETRY: "true",
    CI: "true",
  };
  const run: CloudAccount["run"] = (args, cwd, more = {}) => start(args, cwd, { ...env, ...more });
  return {
    aws,
    settings,
    cloud: new CloudFormationStacks(settings),
    dir,
    run,
    async cdk(args, cwd, more) {
      const { code, stdout, stderr } = await run([cdkCli, ...args, "--no-notices", "--no-color"], cwd, more);
      assert.is(code, 0, `${stdout}${stderr}${faults(aws)}`);
      return `${stdout}${stderr}`;
    },
    dagline: (args, cwd, more) => run([join(root, "src/cli/main.ts"), ...args], cwd, more),
    async stop() {
      await aws.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** What broke inside moto: CDK only says that an answer could not be read. */
function faults({ service }: LocalAws): string {
  return readFileSync(service.logFile, "utf8")
    .split(/^(?=\S.* ERROR in |Traceback)/m)
    .filter((text) => text.includes("Traceback"))
    .map((text) => text.slice(-1500))
    .join("\n");
}

/** For the next reader of a log. */
export function measured(what: string, { seconds }: Ended): void {
  process.stderr.write(`  measured: ${what}: ${seconds.toFixed(1)} s\n`);
}

async function start(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Ended> {
  const started = performance.now();
  const child = spawn(process.execPath, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (chunk: string) => {
      text[name] += chunk;
    });
  }
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, ...text, seconds: (performance.now() - started) / 1000 };
}
