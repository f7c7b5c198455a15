import { type Command, InvalidArgumentError } from "commander";
import { formatOption } from "./output.ts";
import { findProject } from "./project.ts";

/** up, down, run: the whole stack on this machine. The local stack is loaded only when one of them runs. */
export function addLocalCommands(program: Command): void {
  program
    .command("up")
    .description("bring the whole stack up on this machine, deploy the scrapes, run them, show the rows, then watch scrapes/")
    .option("--once", "end after the runs, on an empty stack of its own, and leave nothing running", false)
    .option("--origin <dir>", "serve the TLC's files from this folder instead of the live or generated ones")
    .option("--port <port>", "the port that Airflow's UI should have, if it is free", parsePort, 8080)
    .option("--fresh", "begin with an empty stack", false)
    .addOption(formatOption())
    .action(async (options: { once: boolean; origin?: string; port: number; fresh: boolean; format: "text" | "json" }) => {
      const { up } = await import("../../local/up.ts");
      process.exitCode = await up({ ...options, root: findProject(), origin: options.origin });
    });

  program
    .command("down")
    .description("stop every process of this checkout's local stack")
    .addOption(formatOption())
    .action(async ({ format }: { format: "text" | "json" }) => {
      const { down } = await import("../../local/down.ts");
      await down(format);
    });

  program
    .command("run")
    .description("run a DAG, or one task of its newest run again, in the local Airflow and follow it")
    .argument("<dag>", "a DAG of the deployed release")
    .argument("[task]", "one task: it is cleared in the newest run and runs again")
    .option("--month <YYYY-MM>", "the month that the run is for (default: the last complete interval)", parseMonth)
    .option("--params <json>", "the run's params, as a JSON object", parseParams, {})
    .option("--unpause", "unpause the DAG first, if it is paused", false)
    .option("--no-retries", "let the run fail at once when a task fails")
    .option("--timeout <minutes>", "how long to wait for the run", parseMinutes, 60)
    .addOption(formatOption())
    .action(
      async (
        dag: string,
        task: string | undefined,
        {
          timeout,
          ...options
        }: {
          month?: string;
          params: Record<string, unknown>;
          unpause: boolean;
          retries: boolean;
          timeout: number;
          format: "text" | "json";
        },
      ) => {
        const { runDag } = await import("../../local/run-dag.ts");
        process.exitCode = await runDag({ ...options, root: findProject(), dag, task, month: options.month, timeoutMinutes: timeout });
      },
    );
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new InvalidArgumentError("A port is a whole number from 1 to 65535.");
  return port;
}

function parseMinutes(text: string): number {
  const minutes = Number(text);
  if (!(minutes > 0 && minutes <= 100_000)) throw new InvalidArgumentError("Minutes are a number above 0.");
  return minutes;
}

function parseMonth(text: string): string {
  if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(text)) throw new InvalidArgumentError("A month is written YYYY-MM, for example 2023-01.");
  return text;
}

function parseParams(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // the message below says it
  }
  throw new InvalidArgumentError('Params are a JSON object, for example {"from_month":"2023-01"}.');
}
