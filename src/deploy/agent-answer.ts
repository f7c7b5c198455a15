import { TransientError } from "../errors.ts";
import type { CommandOutcome } from "./host-commands.ts";

/** The agent's one line of JSON, the last of its output; undefined when it was cut or there is none. */
export function answerOf({ stdout }: CommandOutcome): Record<string, unknown> | undefined {
  const line = stdout.trimEnd().split("\n").at(-1) ?? "";
  try {
    return asRecord(JSON.parse(line));
  } catch {
    return undefined;
  }
}

/** For a command that ended without an answer that can be read: says how it ended, in one line. */
export function unanswered(what: string, { status, exitCode, stderr }: CommandOutcome): TransientError {
  const last = stderr.trimEnd().split("\n").at(-1) ?? "";
  return new TransientError(`${what} (${status}, exit code ${exitCode}${last === "" ? "" : `: ${last}`})`, {
    hint: "Is the host up, and the agent installed? Its log is on the host; `dagline drift` shows where the host stands.",
  });
}

export function asRecord(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
}
