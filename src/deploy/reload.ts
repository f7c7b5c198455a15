import { TransientError, UserError } from "../errors.ts";
import { parseReleaseId, type ReleaseId, shortId } from "../ids.ts";
import { type Log, silentLog } from "../log.ts";
import { answerOf, asRecord, unanswered } from "./agent-answer.ts";
import type { CommandOutcome, HostCommands } from "./host-commands.ts";

/** The agent's proof that the host serves a release; docs/architecture.md, "The host's folder". */
export interface Proof {
  readonly release: ReleaseId;
  readonly previous: ReleaseId | null;
  readonly commit: string | null;
  readonly dags: number;
  /** The DAGs that deploys removed and that finish their runs. */
  readonly leaving: readonly string[];
  /** The DAGs of it that Airflow has paused; null: not known, or too many to name. */
  readonly paused: readonly string[] | null;
  readonly changed: boolean;
  readonly seconds: Readonly<Record<string, number>>;
}

/** What the host says of itself. */
export interface HostStatus {
  readonly release: ReleaseId | null;
  readonly healthy: boolean;
  readonly dags: number;
  /** How many runs have not ended, by DAG; null when it is not known. */
  readonly inFlight: Readonly<Record<string, number>> | null;
  /** The DAGs that deploys removed and that finish their runs. */
  readonly leaving: readonly string[];
  /** The DAGs that Airflow has paused; null: not known, or too many to name. */
  readonly paused: readonly string[] | null;
  /** Likewise, of those that no release has any more. */
  readonly pausedRemoved: readonly string[] | null;
  /** In words, what is not as it should be. */
  readonly problems: readonly string[];
}

interface Limits {
  readonly timeoutSeconds: number;
  readonly signal?: AbortSignal;
}

/**
 * Has the host switch to `release` (or to what the pointer names) and prove that it serves it. When the host stayed where it was,
 * throws a UserError with the agent's reason and the line of YAML; TransientError when the host could not be asked or gave no proof.
 * `log` is told what the agent said meanwhile.
 */
export async function reload(
  commands: HostCommands,
  options: Limits & { readonly release: ReleaseId | "current"; readonly log?: Log },
): Promise<Proof> {
  const { release, log = silentLog, ...limits } = options;
  const outcome = await commands.run("dagline-reload", { ReleaseId: release }, limits);
  for (const line of outcome.stderr.split("\n")) if (line.trim() !== "") log.info(`host: ${line}`);
  const answer = answerOf(outcome);
  if (answer?.ok === false) throw refusal(answer, outcome);
  const proof = answer?.ok === true && outcome.exitCode === 0 ? readProof(answer) : undefined;
  if (proof === undefined) throw unanswered("the host gave no proof", outcome);
  if (release !== "current" && proof.release !== release) {
    throw new TransientError(`the host proved release ${shortId(proof.release)} instead of ${shortId(release)}`, {
      hint: "Another deploy is running. Look at what it did, then reload again.",
    });
  }
  return proof;
}

/** Asks the host which release it runs. Throws TransientError when it does not say. */
export async function hostStatus(commands: HostCommands, options: Limits): Promise<HostStatus> {
  const outcome = await commands.run("dagline-status", {}, options);
  const answer = answerOf(outcome);
  const release = answer === undefined ? undefined : readReleaseId(answer.release);
  if (answer === undefined || release === undefined) throw unanswered("the host did not tell its status", outcome);
  const problems = Array.isArray(answer.problems) ? answer.problems.map(String) : [];
  const inFlight = asRecord(answer.in_flight);
  return {
    release,
    healthy: answer.healthy === true,
    dags: typeof answer.dags === "number" ? answer.dags : 0,
    inFlight: inFlight === undefined ? null : numbersOf(inFlight),
    leaving: textsOf(answer.leaving) ?? [],
    paused: textsOf(answer.paused),
    pausedRemoved: textsOf(answer.paused_removed),
    problems,
  };
}

function numbersOf(record: Record<string, unknown>): Record<string, number> {
  return Object.fromEntries(Object.entries(record).filter((entry): entry is [string, number] => typeof entry[1] === "number"));
}

function textsOf(value: unknown): string[] | null {
  return Array.isArray(value) ? value.map(String) : null;
}

function readProof(answer: Record<string, unknown>): Proof | undefined {
  const release = readReleaseId(answer.release);
  if (release === undefined || release === null || typeof answer.dags !== "number") return undefined;
  return {
    release,
    previous: readReleaseId(answer.previous) ?? null,
    commit: typeof answer.commit === "string" ? answer.commit : null,
    dags: answer.dags,
    leaving: textsOf(answer.leaving) ?? [],
    paused: textsOf(answer.paused),
    changed: answer.changed === true,
    seconds: numbersOf(asRecord(answer.seconds) ?? {}),
  };
}

/** null is null; undefined is what is no release id. */
function readReleaseId(value: unknown): ReleaseId | null | undefined {
  if (value === null) return null;
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value) ? parseReleaseId(value) : undefined;
}

function refusal(answer: Record<string, unknown>, { exitCode }: CommandOutcome): UserError | TransientError {
  const { message, hint, file, line } = asRecord(answer.error) ?? {};
  const where = typeof file === "string" ? `${file}${typeof line === "number" ? `:${line}` : ""}: ` : "";
  const active = readReleaseId(answer.active);
  const stayed = active == null ? "no release is active on the host" : `the host stays on release ${shortId(active)}`;
  const text = `the release was not activated: ${where}${typeof message === "string" ? message : "the host gave no reason"} (${stayed})`;
  const details = typeof hint === "string" ? { hint } : {};
  return exitCode === 3 ? new TransientError(text, details) : new UserError(text, details);
}
