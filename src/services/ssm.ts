import { setTimeout as pause } from "node:timers/promises";
import {
  CancelCommandCommand,
  GetCommandInvocationCommand,
  InvocationDoesNotExist,
  SendCommandCommand,
  SSMClient,
} from "@aws-sdk/client-ssm";
import type { CommandOutcome, HostCommands } from "../deploy/host-commands.ts";
import { TransientError } from "../errors.ts";
import { explainAwsError } from "./aws-errors.ts";

export interface SsmSettings {
  readonly region: string;
  readonly endpoint?: string | null;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly instance: string;
}

const RUNNING = new Set(["Pending", "InProgress", "Delayed", "Cancelling"]);

/** The host's commands over AWS Systems Manager. When the signal aborts or time runs out, the command is cancelled on the host. */
export class SsmHostCommands implements HostCommands {
  readonly #client: SSMClient;
  readonly #instance: string;

  constructor({ region, endpoint, credentials, instance }: SsmSettings) {
    this.#instance = instance;
    this.#client = new SSMClient({
      region,
      maxAttempts: 4,
      ...(endpoint == null ? {} : { endpoint }),
      ...(credentials === undefined ? {} : { credentials }),
    });
  }

  async run(
    document: string,
    parameters: Readonly<Record<string, string>>,
    options: { timeoutSeconds: number; signal?: AbortSignal },
  ): Promise<CommandOutcome> {
    const command = await this.#call(`run ${document} on ${this.#instance}`, "ssm:SendCommand", async () => {
      const Parameters = Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, [value]]));
      const sent = await this.#client.send(new SendCommandCommand({ DocumentName: document, InstanceIds: [this.#instance], Parameters }));
      return sent.Command?.CommandId ?? "";
    });
    const end = performance.now() + options.timeoutSeconds * 1000;
    // Short waits first: a reload takes seconds; then longer ones, which AWS's rate limits ask for.
    for (let wait = 100; ; wait = Math.min(wait * 1.5, 2000)) {
      const outcome = await this.#outcome(document, command);
      if (outcome !== undefined) return outcome;
      if (options.signal?.aborted) {
        await this.#cancel(document, command);
        options.signal.throwIfAborted();
      }
      if (performance.now() > end) {
        await this.#cancel(document, command);
        throw new TransientError(`${document} on ${this.#instance} did not end within ${options.timeoutSeconds} s and was cancelled`, {
          hint: "Is the instance up, and its SSM agent online? `dagline drift` shows where it stands.",
        });
      }
      await pause(wait, undefined, options.signal === undefined ? {} : { signal: options.signal }).catch(() => undefined);
    }
  }

  async #outcome(document: string, command: string): Promise<CommandOutcome | undefined> {
    return this.#call(`ask for ${document} on ${this.#instance}`, "ssm:GetCommandInvocation", async () => {
      try {
        const found = await this.#client.send(new GetCommandInvocationCommand({ CommandId: command, InstanceId: this.#instance }));
        if (RUNNING.has(found.Status ?? "")) return undefined;
        return {
          status: found.StatusDetails ?? found.Status ?? "",
          exitCode: found.ResponseCode ?? -1,
          stdout: found.StandardOutputContent ?? "",
          stderr: found.StandardErrorContent ?? "",
        };
      } catch (error) {
        if (error instanceof InvocationDoesNotExist) return undefined; // for a moment after SendCommand
        throw error;
      }
    });
  }

  async #cancel(document: string, command: string): Promise<void> {
    await this.#call(`cancel ${document} on ${this.#instance}`, "ssm:CancelCommand", () =>
      this.#client.send(new CancelCommandCommand({ CommandId: command })),
    );
  }

  async #call<T>(doing: string, permission: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw explainAwsError(error, { doing, permission });
    }
  }
}
