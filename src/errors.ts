/**
 * The one error family. Whatever is neither of these two is a bug and shows its stack.
 * Each host maps them once: the CLI to an exit code, an action to an annotation, the task runner to Airflow's states.
 */

/** A person can fix it. `message` says where and what, `hint` says what to do. */
export class UserError extends Error {
  override readonly name = "UserError";
  readonly hint: string | undefined;

  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.hint = options.hint;
  }
}

/** Trying again later helps: a network fault, a service that is starting, another deploy under way. */
export class TransientError extends Error {
  override readonly name = "TransientError";
  readonly hint: string | undefined;

  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.hint = options.hint;
  }
}

export const exitCode = { done: 0, userError: 1, wrongUsage: 2, tryAgain: 3, bug: 70, skipped: 99 } as const;

/** The exit code that DESIGN gives to an error. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UserError) return exitCode.userError;
  if (error instanceof TransientError) return exitCode.tryAgain;
  return exitCode.bug;
}

/** What a person is shown: the message and the hint, and for a bug the stack. */
export function describeError(error: unknown): string {
  if (error instanceof UserError || error instanceof TransientError) {
    return error.hint === undefined ? error.message : `${error.message}\n  ${error.hint}`;
  }
  if (error instanceof Error) return `a bug in dagline, please report it: ${error.stack ?? error.message}`;
  return `a bug in dagline, please report it: ${String(error)}`;
}
