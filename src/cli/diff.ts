import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { deployedContents } from "../deploy/deployed-contents.ts";
import { UserError } from "../errors.ts";
import { type Log, stderrLog } from "../log.ts";
import { contentsOfRelease, type ReleaseContents, readFolder } from "../plan/contents.ts";
import { makePlan } from "../plan/make-plan.ts";
import type { Plan } from "../plan/model.ts";
import { parseRecordedLoads } from "../plan/recorded-loads.ts";
import { planMarkdown, planText } from "../plan/report.ts";
import { renderProject } from "../release/render-project.ts";
import { currentCommit } from "../services/git.ts";
import { formatOption } from "./output.ts";
import { findProject } from "./project.ts";
import { addTarget, bucketOf, type TargetOptions } from "./target.ts";

interface Options extends TargetOptions {
  readonly base?: string;
  readonly format: "text" | "json" | "markdown";
  readonly out?: string;
  readonly rest?: string;
  readonly limit: number;
  readonly rowsBefore?: string;
  readonly rowsAfter?: string;
}

/** diff: what a deploy of this checkout would change. */
export function addDiffCommand(program: Command): void {
  addTarget(program.command("diff"), "bucket")
    .description("show what deploying this checkout would change: DAGs, tables, rows, runs, code")
    .option("--base <base>", "what to compare with: `bucket` (what is deployed), `none`, or a folder that `render --out` wrote")
    .option("--out <file>", "write it to this file instead of stdout")
    .option("--rest <file>", "with --format markdown: write what is beyond the limit to this file")
    .option("--limit <characters>", "with --format markdown: how long it may be", parseLimit, 60_000)
    .option("--rows-before <file>", "what the base's tests loaded, by `dagline test --rows`")
    .option("--rows-after <file>", "what this checkout's tests load")
    .addOption(formatOption("markdown"))
    .action(async (options: Options) => {
      const root = findProject();
      const log = stderrLog();
      const readBase = baseReader(options, log);
      const rows = readRows(options);
      const next = contentsOfRelease(await renderProject(root, log), currentCommit(root));
      const plan = makePlan(await readBase(next), next, { now: new Date(), rows });
      write(plan, options, log);
    });
}

/** What the options name as the base. Throws before anything is rendered when they name none. */
function baseReader(options: Options, log: Log): (next: ReleaseContents) => Promise<ReleaseContents | null> {
  const named = options.bucket !== undefined || options.stacks !== undefined;
  const { base = options.local || named ? "bucket" : undefined } = options;
  if (base === undefined) {
    throw new UserError("nothing is named to compare with", {
      hint: "Give --base none, --base DIR (a folder that `dagline render --out` wrote), --stacks PREFIX, --bucket NAME, or --local for the stack of `npm start`.",
    });
  }
  if (base === "none") return async () => null;
  if (base === "bucket") return async (next) => deployedContents(await bucketOf(options), next, log);
  const contents = readFolder(resolve(base));
  return async () => contents;
}

function readRows({ rowsBefore, rowsAfter }: Options) {
  if (rowsBefore === undefined && rowsAfter === undefined) return undefined;
  const read = (file: string | undefined) => (file === undefined ? { loads: [] } : parseRecordedLoads(readText(file), file));
  return { before: read(rowsBefore), after: read(rowsAfter) };
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UserError(`cannot read ${file}`, { hint: "`dagline test --rows FILE` writes such a file.", cause: error });
  }
}

function write(plan: Plan, { format, out, rest, limit }: Options, log: Log): void {
  const markdown = format === "markdown" ? planMarkdown(plan, { limit }) : undefined;
  const text = markdown?.body ?? (format === "json" ? planJson(plan) : planText(plan));
  if (out === undefined) process.stdout.write(text);
  else writeFileSync(out, text);
  if (rest !== undefined) writeFileSync(rest, markdown?.rest ?? "");
  else if (markdown?.rest != null) log.warn(`the plan is longer than ${limit} characters; --rest FILE takes what was left out`);
}

/** One line. The runner of GitHub's actions looks for `##[` anywhere in a log's line. */
function planJson(plan: Plan): string {
  return `${JSON.stringify(plan).replaceAll("##[", "#\\u0023[")}\n`;
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 5000) throw new InvalidArgumentError("A limit is a whole number from 5000.");
  return limit;
}
