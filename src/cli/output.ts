import { Option } from "commander";

/** The option that every command has: how its result is written to stdout. */
export function formatOption(...more: string[]): Option {
  return new Option("--format <format>", "how the result is written").choices(["text", "json", ...more]).default("text");
}

/** Writes a result to stdout: as one line of JSON, or as `text` says it. */
export function printResult(format: string, value: unknown, text: string): void {
  process.stdout.write(format === "json" ? `${JSON.stringify(value)}\n` : text.endsWith("\n") || text === "" ? text : `${text}\n`);
}
