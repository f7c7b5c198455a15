import { TransientError, UserError } from "../errors.ts";
import { parseReleaseId, type ReleaseId, shortId } from "../ids.ts";
import type { CommandOutcome, HostCommands } from "./host-commands.ts";

/** The agent's proof that the host serves a release; docs/architecture.md, "The host's folder". */
export interface Proof {
  readonly release: ReleaseId;
  readonly previous: ReleaseId | null;
  readonly commit: string | null;
  readonly dags: number;
  readonly changed: boolean;
  readonly seconds: Readonly<Record<string, number>>;
}

/** What the host says of itself. */
export interface HostStatus {
  readonly release: ReleaseId | null;
  readonly healthy: boolean;
  readonly dags: number;
}

/**
 * Has the host switch to `release` (or to what the pointer names) and prove that it serves it. When the host stayed where it was,
 * throws a UserError with the agent's reason and the line of YAML; TransientError when the host could not be asked.
 */
export async function reload(
  commands: HostCommands,
  options: { release: ReleaseId | "current"; timeoutSeconds: number; signal?: AbortSignal },
): Promise<Proof> {
  const { release, ...limits } = options;
  const outcome = await commands.run("dagline-reload", { ReleaseId: release }, limits);
  const answer = lastJson(outcome);
  if (answer?.ok === true) return { ...(answer as unknown as Proof), release: parseReleaseId(String(answer.release)) };
  if (answer === undefined)
    throw new TransientError(`the host gave no proof (${describe(outcome)})`, {
      hint: "Look at the host: `dagline drift`, and the agent's log.",
    });
  const { message, hint, file, line } = (answer.error ?? {}) as { message?: string; hint?: string; file?: string; line?: number };
  const where = file === undefined || file === null ? "" : `${file}:${line ?? 1}: `;
  const stayed =
    typeof answer.active === "string"
      ? `the host stays on release ${shortId(parseReleaseId(answer.active))}`
      : "no release is active on the host";
  const text = `the release was not activated: ${where}${message ?? "no reason given"} (${stayed})`;
  const details = hint === undefined || hint === null ? {} : { hint };
  throw outcome.exitCode === 3 ? new TransientError(text, details) : new UserError(text, details);
}

/** Asks the host which release it runs. */
export async function hostStatus(commands: HostCommands, options: { timeoutSeconds: number; signal?: AbortSignal }): Promise<HostStatus> {
  const outcome = await commands.run("dagline-status", {}, options);
  const answer = lastJson(outcome);
  if (answer === undefined) throw new TransientError(`the host did not tell its status (${describe(outcome)})`);
  const release = typeof answer.release === "string" ? parseReleaseId(answer.release) : null;
  return { release, healthy: answer.healthy === true, dags: Number(answer.dags ?? 0) };
}

function lastJson({ stdout }: CommandOutcome): Record<string, unknown> | undefined {
  const line = stdout.trimEnd().split("\n").at(-1) ?? "";
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined; // cut output or none: the caller says so
  }
}

function describe({ status, exitCode, stderr }: CommandOutcome): string {
  const last = stderr.trimEnd().split("\n").at(-1) ?? "";
  return `${status}, exit code ${exitCode}${last === "" ? "" : `: ${last}`}`;
}
