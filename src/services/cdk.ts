import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { TransientError, UserError } from "../errors.ts";
import type { Cdk, SynthesisEnvironment } from "../infra/cloudformation.ts";

const INSTALL = "It is a development dependency, `aws-cdk`: npm ci installs it.";

/** What a CDK app is told of this process's environment: no credentials, no tokens. */
const harmless = ["PATH", "HOME", "TMPDIR", "TEMP", "TMP", "LANG", "LC_ALL", "TZ", "SYSTEMROOT", "NODE_EXTRA_CA_CERTS"];

/** What CDK's output says, and what a person should do. */
const known: readonly { readonly says: RegExp; readonly passing?: boolean; readonly why: string; readonly hint: string }[] = [
  {
    says: /has not been bootstrapped|cdk-bootstrap\/\w+\/version|[Bb]ootstrap stack version .* is required|No bucket named 'cdk-/,
    why: "the AWS account is not prepared for CDK",
    hint: "Once for each account and region, with an administrator's credentials: npx cdk bootstrap aws://ACCOUNT/REGION",
  },
  {
    says: /not authorized to perform:? ([\w-]+:\w+)|AccessDenied|Could not assume role|could not be used to assume/,
    why: "access denied",
    hint: "The deploy role needs the permission $1, or to assume the bootstrap's roles (sts:AssumeRole on cdk-*).",
  },
  {
    says: /Need to perform AWS calls for account|Unable to resolve AWS account|no credentials|CredentialsProviderError|ExpiredToken|InvalidClientTokenId|security token included in the request/i,
    why: "there are no usable AWS credentials",
    hint: "Sign in (`aws sso login`) and set AWS_PROFILE, or in a workflow let aws-actions/configure-aws-credentials run before.",
  },
  {
    says: /LimitExceeded|quota|limit exceeded/i,
    why: "a quota of the account is used up",
    hint: "Remove what is no longer needed, or ask for more under Service Quotas. Then run this again.",
  },
  {
    says: /ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|Throttling|Rate exceeded|socket hang up/,
    passing: true,
    why: "AWS could not be reached, or was busy",
    hint: "Try again.",
  },
];

/** Whether the repository has a CDK app, and its command line is installed. */
function cdkState(root: string): "ready" | "no app" | "not installed" {
  if (!existsSync(join(root, "cdk.json"))) return "no app";
  return findCdk(root) === undefined ? "not installed" : "ready";
}

/** Throws UserError that says what is missing. */
export function refuseWithoutCdk(root: string): void {
  const state = cdkState(root);
  if (state === "no app")
    throw new UserError("there is no cdk.json here: nothing says what the cloud is to be", {
      hint: "docs/cloud.md tells how infra/ is set up.",
    });
  if (state === "not installed") throw new UserError("CDK's command line is not installed", { hint: INSTALL });
}

/** The CDK's command line of the repository's lock, run as a child process. */
export class CdkCli implements Cdk {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async synthesize(out: string, { account, region, context }: SynthesisEnvironment): Promise<void> {
    const kept = Object.fromEntries(harmless.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
    const env = {
      ...kept,
      AWS_REGION: region,
      AWS_EC2_METADATA_DISABLED: "true",
      CDK_DEFAULT_ACCOUNT: account,
      CDK_DEFAULT_REGION: region,
    };
    const told = Object.entries(context).flatMap(([name, value]) => ["--context", `${name}=${value}`]);
    const { code, lines } = await this.#run(["synth", "--quiet", "--output", out, ...told], env, { onLine: () => undefined });
    if (code !== 0) {
      throw new UserError(`the CDK app in infra/ fails:\n${tail(lines)}`, { hint: "`npx cdk synth` shows the same. Nothing was changed." });
    }
  }

  async prepareChangeSet(
    assembly: string,
    stack: string,
    changeSet: string,
    { region, signal, onLine }: { readonly region: string; readonly signal: AbortSignal; readonly onLine: (line: string) => void },
  ): Promise<void> {
    const args = ["deploy", stack, "--app", assembly, "--exclusively", "--method", "prepare-change-set", "--change-set-name", changeSet];
    const env = { ...withoutSecretsOfActions(process.env), AWS_REGION: region };
    const { code, lines } = await this.#run([...args, "--require-approval", "never", "--progress", "events"], env, {
      // The rest is CDK's talk about itself.
      onLine: (line) => line.startsWith(`${stack}: `) && !line.includes("deploying...") && onLine(line.slice(stack.length + 2)),
      signal,
    });
    signal.throwIfAborted();
    if (code !== 0) throw explain(stack, lines);
  }

  async #run(
    args: readonly string[],
    env: NodeJS.ProcessEnv,
    { onLine, signal }: { readonly onLine: (line: string) => unknown; readonly signal?: AbortSignal },
  ): Promise<{ code: number | null; lines: readonly string[] }> {
    const cdk = findCdk(this.#root);
    if (cdk === undefined)
      throw new UserError("CDK's command line is not installed", {
        hint: "It is a development dependency, `aws-cdk`: npm ci installs it.",
      });
    const child = spawn(process.execPath, [cdk, ...args, "--no-notices", "--no-color"], {
      cwd: this.#root,
      env: { ...env, CI: "true", NO_COLOR: "1", CDK_DISABLE_CLI_TELEMETRY: "true" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const stop = (): void => void child.kill("SIGTERM");
    signal?.addEventListener("abort", stop, { once: true });
    const lines: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        if (line.trim() === "") return;
        lines.push(line);
        onLine(line);
      });
    }
    try {
      const code = await new Promise<number | null>((resolve, reject) => {
        child.once("error", reject);
        child.once("close", resolve);
      });
      return { code, lines };
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }
}

/** CDK's program; undefined when the package is not installed where the repository would find it. */
function findCdk(root: string): string | undefined {
  try {
    return createRequire(join(root, "package.json")).resolve("aws-cdk/bin/cdk");
  } catch {
    return undefined;
  }
}

/** CDK needs the credentials for AWS; what GitHub's runner gives to us is none of its business. */
function withoutSecretsOfActions(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(INPUT_|ACTIONS_|GITHUB_|RUNNER_|NODE_OPTIONS$)/.test(name)));
}

function explain(stack: string, lines: readonly string[]): UserError | TransientError {
  const output = lines.join("\n");
  const match = known.find(({ says }) => says.test(output));
  const message = `stack ${stack} could not be prepared: ${match?.why ?? "CDK failed"}\n${tail(lines)}`;
  const action = /not authorized to perform:? ([\w-]+:\w+)/.exec(output)?.[1] ?? "that the message names";
  const options = {
    hint: `${(match?.hint ?? "Mend infra/, and merge that.").replace("$1", () => action)} Nothing of this stack was changed.`,
  };
  return match?.passing === true ? new TransientError(message, options) : new UserError(message, options);
}

function tail(lines: readonly string[]): string {
  const told = lines.filter(
    (line) => !/^\s+at |^Node\.js v|^\s*✨|: (?:start|success): |\(Construct Annotations\)|Acknowledge with/u.test(line),
  );
  return told.slice(-12).join("\n").slice(-2000);
}
