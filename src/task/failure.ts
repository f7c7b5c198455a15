import { explainDiskError } from "../disk-errors.ts";
import { exitCode, TransientError, UserError } from "../errors.ts";
import { networkTrouble } from "../network-errors.ts";
import { explainFunctionError } from "./function-errors.ts";

interface Failure {
  readonly result: {
    readonly state: "failed";
    readonly kind: "user" | "transient" | "bug";
    readonly message: string;
    readonly hint: string;
  };
  readonly code: number;
  /** For the log: with the hint, and with the stack where it is in a function. */
  readonly text: string;
}

const MAKE_ROOM = "Make room in the host's folder for temporary files (TMPDIR), then clear the task.";
/** Airflow shows both in one line, and keeps them in its database. */
const LONGEST = 10_000;

/** How a task's failure is told to Airflow, for whatever was thrown. */
export function describeFailure(error: unknown): Failure {
  if (!(error instanceof Error)) {
    const text = `thrown: ${String(error)}`;
    return failure("bug", exitCode.bug, `a value that is no Error was thrown: ${String(error)}`, "", text);
  }
  // By name, not by class: a bundle of functions has its own copy of the classes.
  if (error.name === "UserError" || error.name === "TransientError") return known(error, "");
  const stack = error.stack ?? error.message;
  // What native code throws between two turns of the event loop has no place.
  const place = stack.includes("\n    at ") ? stack : "";
  const disk = explainDiskError(error, MAKE_ROOM);
  if (disk !== undefined) return known(disk, "");
  const function_ = explainFunctionError(error);
  if (function_ !== undefined) return known(function_, place);
  const network = networkTrouble(error);
  if (network === undefined) return failure("bug", exitCode.bug, error.message, hintOf(error), stack);
  const message = network.reason === error.message ? error.message : `${error.message}: ${network.reason}`;
  if (network.kind === "passing") {
    const hint = "Is the address right, and the network there? Trying again helps.";
    return known(new TransientError(message, { hint, cause: error }), place);
  }
  const hint = "The server's certificate is not trusted: name its authority in NODE_EXTRA_CA_CERTS on the host.";
  return known(new UserError(message, { hint, cause: error }), place);
}

function known(error: Error, place: string): Failure {
  const [kind, code] = error.name === "UserError" ? (["user", exitCode.userError] as const) : (["transient", exitCode.tryAgain] as const);
  const hint = hintOf(error);
  return failure(kind, code, error.message, hint, [place, error.message, hint].filter((part) => part !== "").join("\n"));
}

function hintOf(error: Error): string {
  return "hint" in error && typeof error.hint === "string" ? error.hint : "";
}

function failure(kind: Failure["result"]["kind"], code: number, message: string, hint: string, text: string): Failure {
  return { result: { state: "failed", kind, message: message.slice(0, LONGEST), hint: hint.slice(0, LONGEST) }, code, text };
}
