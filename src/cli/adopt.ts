import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { UserError } from "../errors.ts";
import { checkScrapes } from "../scrape/check-scrapes.ts";
import type { Adoption, Dag, LoadTask } from "../scrape/model.ts";
import { scrapesHistory } from "../services/git.ts";
import { checkOldName } from "./old-names.ts";
import { formatOption, printResult } from "./output.ts";
import { findProject } from "./project.ts";

/** adopt: writes into a DAG file that a load takes over the rows that another name left. */
export function addAdoptCommand(program: Command): void {
  program
    .command("adopt")
    .description("have a load take over the rows that it left under its old name, so that they are replaced and not doubled")
    .argument("<old>", "the name that the rows bear: DAG, DAG.TASK, or the old slice template, such as '{year}-{month}'")
    .argument("<new>", "the load that takes them over: DAG, or DAG.TASK")
    .addOption(formatOption())
    .action(async (old: string, name: string, { format }: { format: string }) => {
      const root = findProject();
      const adopted = await adopt(root, old, name);
      printResult(format, { adopted }, adopted.map(({ file, line, text }) => `${file}:${line}: ${text}`).join("\n"));
    });
}

interface Adopted {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

/** Adds an `adopts` line to each load that `name` names; the files stay as they were when the scrapes never had the old name, or are no longer right with it. */
export async function adopt(root: string, old: string, name: string): Promise<Adopted[]> {
  const { scrapes, problems } = await checkScrapes(root);
  const { dag, loads } = find(
    scrapes.flatMap((scrape) => scrape.dags),
    name,
    problems.length > 0,
  );
  const history = await scrapesHistory(root);
  if (history !== null) for (const load of loads) checkOldName(history, parseOld(old, load));
  const path = join(root, dag.file);
  const before = readFileSync(path, "utf8");
  const lines = before.split("\n");
  const written: Adopted[] = [];
  // From the end, so that the lines of the others stay where they are.
  for (const load of loads.toSorted((a, b) => b.line - a.line))
    written.unshift({ file: dag.file, ...insert(lines, dag, load, entryFor(parseOld(old, load))) });
  writeFileSync(path, lines.join("\n"));
  const after = await checkScrapes(root);
  const wrong = after.problems.find(({ file, code }) => file === dag.file || code === "adopts");
  if (wrong === undefined) return written;
  writeFileSync(path, before);
  throw new UserError(`${wrong.file}:${wrong.line}: ${wrong.message}`, { hint: `${wrong.hint} ${dag.file} is as it was.` });
}

function find(dags: readonly Dag[], name: string, hasProblems: boolean): { dag: Dag; loads: LoadTask[] } {
  const [id = "", task] = name.split(".");
  const dag = dags.find((one) => one.id === id);
  const loads = dag?.tasks.filter((one): one is LoadTask => one.kind === "load" && (task === undefined || one.id === task)) ?? [];
  if (dag !== undefined && loads.length > 0) return { dag, loads };
  const hint = hasProblems
    ? "Run `dagline validate` first: a scrape with an error is left out."
    : "Write DAG or DAG.TASK, as the scrapes have it now.";
  throw new UserError(`no load ${JSON.stringify(name.slice(0, 200))} in the scrapes`, { hint });
}

function parseOld(old: string, load: LoadTask): Adoption {
  if (old.includes("{")) return { slice: old };
  const match = /^([A-Za-z_][A-Za-z0-9_]*)(?:\.([A-Za-z_][A-Za-z0-9_]*))?$/.exec(old);
  if (match === null) throw new UserError(`not a DAG, a DAG.TASK or a slice template: ${JSON.stringify(old.slice(0, 200))}`);
  return { dag: match[1] ?? "", task: match[2] ?? load.id };
}

/** As YAML, on one line. */
function entryFor(old: Adoption): string {
  return "slice" in old ? `{ slice: ${JSON.stringify(old.slice)} }` : `{ dag: ${old.dag}, task: ${old.task} }`;
}

function insert(lines: string[], dag: Dag, load: LoadTask, entry: string): Omit<Adopted, "file"> {
  const text = `adopts: [${entry}]`;
  const [key = "", next = ""] = [lines[load.line - 1], lines[load.line]];
  const indent = (line: string): number => line.length - line.trimStart().length;
  // A map in braces, an anchor that stands elsewhere, or a list that is there already: a person writes it better.
  const isBlock = new RegExp(`^\\s*["']?${load.id}["']?:\\s*(?:&\\S+\\s*)?(?:#.*)?\r?$`).test(key) && indent(next) > indent(key);
  if (!isBlock || load.adopts.length > 0) {
    throw new UserError(`${dag.file}:${load.line}: this load is not written in a form that can be added to`, {
      hint: `Add to it by hand: ${load.adopts.length > 0 ? `\`${entry}\` in its \`adopts\`` : `\`${text}\``}.`,
    });
  }
  lines.splice(load.line, 0, `${" ".repeat(indent(next))}${text}${key.endsWith("\r") ? "\r" : ""}`);
  return { line: load.line + 1, text };
}
