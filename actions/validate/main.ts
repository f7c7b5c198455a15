import { UserError } from "../../src/errors.ts";
import { code } from "../../src/plan/markdown.ts";
import { checkScrapes } from "../../src/scrape/check-scrapes.ts";
import { formatProblems } from "../../src/scrape/format-problems.ts";
import type { Problem } from "../../src/scrape/model.ts";
import type { InputSpec, InputsOf } from "../inputs.ts";
import { table } from "../markdown.ts";
import type { Services } from "../services.ts";

export const inputs = { "working-directory": { kind: "text", default: "." } } as const satisfies InputSpec;

/** GitHub shows this many annotations of each kind for a step. */
const SHOWN = 10;
const MOST_ROWS = 500;

/** Checks every scrape: each problem is an annotation on its line, errors first, and all of them are in the summary. */
export async function run(_inputs: InputsOf<typeof inputs>, services: Services): Promise<void> {
  const { scrapes, problems } = await checkScrapes(services.root, { log: services.log });
  const errors = problems.filter(({ severity }) => severity === "error");
  const warnings = problems.filter(({ severity }) => severity === "warning");
  services.log.info(formatProblems([...errors, ...warnings], "text"));
  for (const problem of [...errors.slice(0, SHOWN), ...warnings.slice(0, SHOWN)]) annotate(problem, services);
  services.summary(summaryOf(scrapes.length, errors, warnings));
  services.output("errors", errors.length);
  services.output("warnings", warnings.length);
  if (errors.length === 0) return;
  const files = new Set(errors.map(({ file }) => file)).size;
  throw new UserError(`the scrapes have ${count(errors.length, "error")} in ${count(files, "file")}`, {
    hint: errors.length > SHOWN ? `${SHOWN} of them are shown on their lines, all are in the summary.` : "Each is shown on its line.",
  });
}

function annotate({ severity, file, line, column, code: title, message, hint }: Problem, { annotate }: Services): void {
  annotate({ severity, title, message: hint === "" ? message : `${message}\n${hint}`, file, line, column });
}

function summaryOf(right: number, errors: readonly Problem[], warnings: readonly Problem[]): string {
  const all = [...errors, ...warnings];
  if (all.length === 0) return `### Scrapes\n\n${count(right, "scrape")} checked, no problems.`;
  const rows = all
    .slice(0, MOST_ROWS)
    .map(({ file, line, severity, message, hint }) => [
      code(`${file}:${line}`),
      severity,
      code(message, 300),
      hint === "" ? "" : code(hint, 300),
    ]);
  const rest = all.length > MOST_ROWS ? `\n\nand ${all.length - MOST_ROWS} more: the log has them all.` : "";
  return `### Scrapes: ${count(errors.length, "error")}, ${count(warnings.length, "warning")}\n\n${table(["where", "", "what", "what to do"], rows)}${rest}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
