import type { TaskLog } from "./api.ts";

/** A longer line is cut: Airflow keeps each in its database and shows it in a browser. */
const LONGEST_LINE = 16_384;

/** The task's log: what the operator reads line by line from stdout; a first word sets the level. */
export const consoleLog: TaskLog = {
  info: (message) => write("", message),
  warn: (message) => write("WARNING ", message),
  error: (message) => write("ERROR ", message),
};

function write(level: string, message: string): void {
  const lines = message
    .split(/\r?\n/)
    .map((line) => (line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)} … (${line.length} characters)` : line));
  process.stdout.write(`${lines.map((line) => level + line).join("\n")}\n`);
}
