import { setTimeout as pause } from "node:timers/promises";
import {
  CancelCommandCommand,
  DescribeInstanceInformationCommand,
  GetCommandInvocationCommand,
  InvocationDoesNotExist,
  SendCommandCommand,
  SSMClient,
} from "@aws-sdk/client-ssm";
import type { CommandOutcome, HostCommands } from "../deploy/host-commands.ts";
import { TransientError, UserError } from "../errors.ts";
import { type AwsSettings, clientConfig, renewsCredentials } from "./aws-client.ts";
import { explainAwsError } from "./aws-errors.ts";

export interface SsmSettings extends AwsSettings {
  /** An instance's id, or `tag:KEY=VALUE` for the one instance with that tag. */
  readonly instance: string;
  /** Where SSM keeps whole what commands printed: it returns 24,000 characters of it. The host's role has to let it. */
  readonly output?: { readonly bucket: string | null; readonly logGroup: string | null };
}

const RUNNING = new Set(["Pending", "InProgress", "Delayed", "Cancelling"]);
/** As `infra/keys.ts` has it: where the host may write in that bucket. */
const OUTPUT_PREFIX = "commands";
/** How long SSM may not know a command that it has just taken. */
const APPEARS_WITHIN_SECONDS = 15;

/** The host's commands over AWS Systems Manager. When the signal aborts or time runs out, the command is cancelled on the host. */
export class SsmHostCommands implements HostCommands {
  readonly #client: SSMClient;
  readonly #target: string;
  readonly #output: SsmSettings["output"];

  constructor(settings: SsmSettings) {
    this.#target = settings.instance;
    this.#output = settings.output;
    this.#client = new SSMClient(clientConfig(settings));
  }

  async run(
    document: string,
    parameters: Readonly<Record<string, string>>,
    options: { timeoutSeconds: number; signal?: AbortSignal },
  ): Promise<CommandOutcome> {
    const { timeoutSeconds, signal } = options;
    signal?.throwIfAborted();
    const instance = await this.#findInstance();
    const command = await this.#send(document, parameters, instance, timeoutSeconds);
    const started = performance.now();
    // Short waits first: a reload takes seconds; then longer ones, which AWS's rate limits ask for.
    for (let wait = 100; ; wait = Math.min(wait * 1.5, 2000)) {
      const seconds = (performance.now() - started) / 1000;
      const outcome = await this.#outcome(document, command, instance, seconds < APPEARS_WITHIN_SECONDS);
      if (outcome !== undefined) return outcome;
      if (signal?.aborted) {
        await this.#cancel(document, command, instance);
        signal.throwIfAborted();
      }
      if (seconds > timeoutSeconds) {
        await this.#cancel(document, command, instance);
        throw new TransientError(`${document} on ${instance} did not end within ${timeoutSeconds} s and was cancelled`, {
          hint: "Is the instance up, and its SSM agent online? `dagline drift` shows where it stands.",
        });
      }
      await pause(wait, undefined, signal === undefined ? {} : { signal }).catch(() => undefined); // the next round sees the abort
    }
  }

  async #findInstance(): Promise<string> {
    const tag = /^tag:([^=]+)=(.*)$/.exec(this.#target);
    if (tag === null) return this.#target;
    const [, key = "", value = ""] = tag;
    const found = await this.#call(`look for the instance with ${this.#target}`, "ssm:DescribeInstanceInformation", async () => {
      const answer = await this.#client.send(new DescribeInstanceInformationCommand({ Filters: [{ Key: `tag:${key}`, Values: [value] }] }));
      return (answer.InstanceInformationList ?? []).flatMap(({ InstanceId }) => InstanceId ?? []);
    });
    const [only, ...others] = found;
    if (only !== undefined && others.length === 0) return only;
    throw new UserError(
      only === undefined ? `SSM knows no instance with ${this.#target}` : `several instances have ${this.#target}: ${found.join(", ")}`,
      {
        hint: only === undefined ? "Is it up, and its SSM agent online? Is the tag right?" : "Name one of them.",
      },
    );
  }

  #send(document: string, parameters: Readonly<Record<string, string>>, instance: string, timeoutSeconds: number): Promise<string> {
    return this.#call(`run ${document} on ${instance}`, "ssm:SendCommand", async () => {
      const sent = await this.#client.send(
        new SendCommandCommand({
          DocumentName: document,
          InstanceIds: [instance],
          Parameters: Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, [value]])),
          // A host that comes back later must not run a command that nobody waits for any more; SSM's least is 30 s.
          TimeoutSeconds: Math.max(30, Math.ceil(timeoutSeconds)),
          ...outputTo(document, this.#output),
        }),
      );
      if (sent.Command?.CommandId === undefined) throw new Error("SSM took the command without naming it");
      return sent.Command.CommandId;
    });
  }

  /** undefined while the command runs. */
  async #outcome(document: string, command: string, instance: string, mayBeUnknown: boolean): Promise<CommandOutcome | undefined> {
    return this.#call(`ask for ${document} on ${instance}`, "ssm:GetCommandInvocation", async () => {
      try {
        const found = await this.#client.send(new GetCommandInvocationCommand({ CommandId: command, InstanceId: instance }));
        if (RUNNING.has(found.Status ?? "")) return undefined;
        return {
          status: found.StatusDetails ?? found.Status ?? "",
          exitCode: found.ResponseCode ?? -1,
          stdout: found.StandardOutputContent ?? "",
          stderr: found.StandardErrorContent ?? "",
        };
      } catch (error) {
        if (!(error instanceof InvocationDoesNotExist)) throw error;
        if (mayBeUnknown) return undefined;
        throw new TransientError(`SSM has lost ${document} on ${instance} (command ${command})`, { hint: "Try again.", cause: error });
      }
    });
  }

  async #cancel(document: string, command: string, instance: string): Promise<void> {
    await this.#call(`cancel ${document} on ${instance}`, "ssm:CancelCommand", () =>
      this.#client.send(new CancelCommandCommand({ CommandId: command, InstanceIds: [instance] })),
    );
  }

  async #call<T>(doing: string, permission: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw explainAwsError(error, {
        doing,
        permission: `${permission} on ${this.#target}`,
        renews: await renewsCredentials(this.#client),
      });
    }
  }
}

function outputTo(document: string, output: SsmSettings["output"]) {
  const { bucket = null, logGroup = null } = output ?? {};
  return {
    ...(bucket === null ? {} : { OutputS3BucketName: bucket, OutputS3KeyPrefix: `${OUTPUT_PREFIX}/${document}` }),
    ...(logGroup === null ? {} : { CloudWatchOutputConfig: { CloudWatchLogGroupName: logGroup, CloudWatchOutputEnabled: true } }),
  };
}
