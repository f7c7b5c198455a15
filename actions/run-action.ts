import * as core from "@actions/core";
import { outliveReaders } from "../src/closed-pipe.ts";
import { exitCodeOf, TransientError, UserError } from "../src/errors.ts";
import { type InputSpec, type InputsOf, readInputs } from "./inputs.ts";
import { asText } from "./log.ts";
import { connectServices, type Services } from "./services.ts";

/**
 * Runs an action: checks its inputs, then calls `run`; an error becomes the step's failure, once, with what to do. What the workflow's cancelling
 * sends (SIGINT, then SIGTERM) aborts `services.signal`.
 */
export async function runAction<Spec extends InputSpec>(
  spec: Spec,
  run: (inputs: InputsOf<Spec>, services: Services) => Promise<void>,
): Promise<void> {
  outliveReaders();
  try {
    const inputs = readInputs(spec, process.env);
    await run(inputs, connectServices(inputs));
  } catch (error) {
    fail(error);
  }
}

function fail(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof UserError || error instanceof TransientError) {
    const hint = error.hint === undefined ? "" : `\n${error.hint}`;
    core.error(asText(`${message}${hint}`), { title: error instanceof UserError ? "dagline" : "dagline: try again" });
  } else {
    core.error(asText(`a bug in dagline, please report it: ${error instanceof Error ? (error.stack ?? message) : message}`), {
      title: "dagline: a bug",
    });
  }
  process.exitCode = exitCodeOf(error);
}
