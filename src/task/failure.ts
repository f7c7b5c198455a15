import { exitCode, TransientError, UserError } from "../errors.ts";

interface Failure {
  readonly result: {
    readonly state: "failed";
    readonly kind: "user" | "transient" | "bug";
    readonly message: string;
    readonly hint: string;
  };
  readonly code: number;
  /** For the log: with the hint, or with the stack where it is a bug of somebody's. */
  readonly text: string;
}

/** Errors of the file system that a person on the host can mend. */
const diskErrors: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EFBIG: "a file would be larger than the host allows",
};

/** How a task's failure is told to Airflow, for whatever was thrown. */
export function describeFailure(error: unknown): Failure {
  const { name, message, hint, stack } = partsOf(error);
  if (name === "UserError") return failure("user", exitCode.userError, message, hint, hint === "" ? message : `${message}\n${hint}`);
  if (name === "TransientError")
    return failure("transient", exitCode.tryAgain, message, hint, hint === "" ? message : `${message}\n${hint}`);
  const disk = error instanceof Error && "code" in error ? diskErrors[String(error.code)] : diskErrorIn(message);
  if (disk !== undefined) {
    const advice = "Make room in the host's folder for temporary files (TMPDIR), then clear the task.";
    return failure("transient", exitCode.tryAgain, `${disk}: ${message}`, advice, `${disk}: ${message}\n${advice}`);
  }
  return failure("bug", exitCode.bug, message, hint, stack);
}

/** DuckDB passes on the system's words, not its codes. */
function diskErrorIn(message: string): string | undefined {
  if (/no space left on device/i.test(message)) return diskErrors.ENOSPC;
  if (/disk quota exceeded/i.test(message)) return diskErrors.EDQUOT;
  return /file too large/i.test(message) ? diskErrors.EFBIG : undefined;
}

function failure(kind: Failure["result"]["kind"], code: number, message: string, hint: string, text: string): Failure {
  return { result: { state: "failed", kind, message: message.slice(0, 10_000), hint }, code, text };
}

/** By name, not by class: a bundle of functions has its own copy of the classes. */
function partsOf(error: unknown): { name: string; message: string; hint: string; stack: string } {
  if (!(error instanceof Error))
    return { name: "", message: `a value that is no Error was thrown: ${String(error)}`, hint: "", stack: `thrown: ${String(error)}` };
  const known = error instanceof UserError || error instanceof TransientError || "hint" in error;
  const hint = known && "hint" in error && typeof error.hint === "string" ? error.hint : "";
  return { name: error.name, message: error.message, hint, stack: error.stack ?? error.message };
}
