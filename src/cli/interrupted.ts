import { UserError } from "../errors.ts";

/** Aborts on Ctrl-C, so that a command on the host is cancelled there, too. */
export function interrupted(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => controller.abort(new UserError("interrupted")));
  return controller.signal;
}
