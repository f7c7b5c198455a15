import { appendFileSync, existsSync, statSync } from "node:fs";

/** GitHub shows no summary of a step beyond this. */
const LIMIT_BYTES = 1024 * 1024;
const CUT = "\n\n_Cut here: a step's summary ends at 1 MiB. The run's log or its artifact has all of it._\n";

/** Adds Markdown to the step's summary, as much as GitHub takes. Does nothing outside a workflow. */
export function addSummary(markdown: string): void {
  const file = process.env.GITHUB_STEP_SUMMARY ?? "";
  if (file === "") return;
  const used = existsSync(file) ? statSync(file).size : 0;
  appendFileSync(file, cutToBytes(`${markdown.trimEnd()}\n\n`, LIMIT_BYTES - used));
}

/** Cut at the end of a line, so that what stays has its characters whole. */
export function cutToBytes(markdown: string, bytes: number): string {
  if (Buffer.byteLength(markdown) <= bytes) return markdown;
  const room = bytes - Buffer.byteLength(CUT);
  if (room <= 0) return "";
  const text = Buffer.from(markdown).subarray(0, room).toString("utf8");
  return `${text.slice(0, text.lastIndexOf("\n") + 1)}${CUT}`;
}
