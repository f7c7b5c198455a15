/** What deploying and backfills need of the host: to run one of the SSM documents of infra/ssm there. The adapter is src/services/ssm.ts. */
export interface HostCommands {
  /** Runs a document and waits for its end. Throws TransientError when it can't be delivered or does not end in time. */
  run(
    document: "dagline-reload" | "dagline-status" | "dagline-backfill",
    parameters: Readonly<Record<string, string>>,
    options: { timeoutSeconds: number; signal?: AbortSignal },
  ): Promise<CommandOutcome>;
}

export interface CommandOutcome {
  readonly status: string;
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}
