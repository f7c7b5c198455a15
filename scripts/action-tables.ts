// Writes the tables of docs/actions.md and of the README anew, between their markers, from each action's action.yml.
//   node scripts/action-tables.ts            writes the pages
//   node scripts/action-tables.ts --check    fails when a page is not up to date
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { load } from "js-yaml";
import { root } from "../local/paths.ts";

/** The page with the tables of each action. */
export const actionsPage = join(root, "docs", "actions.md");

const readme = join(root, "README.md");

interface Action {
  readonly description: string;
  readonly inputs?: Readonly<Record<string, { readonly description: string; readonly required?: boolean; readonly default?: string }>>;
  readonly outputs?: Readonly<Record<string, { readonly description: string }>>;
}

const MARKED = /(<!-- action: (\S+) -->\n)[\s\S]*?(<!-- end -->)/g;

/** The page with its tables up to date. Throws when an action has no markers on it, `<!-- action: NAME -->` and `<!-- end -->`, or they name none. */
export function withActionTables(page: string): string {
  const names = actionNames();
  const marked = [...page.matchAll(MARKED)].map(([, , name = ""]) => name);
  if ([...marked].sort().join(" ") !== names.join(" ")) {
    throw new Error(`docs/actions.md has markers for ${marked.join(", ")}; the actions are ${names.join(", ")}`);
  }
  return page.replace(MARKED, (_all, begin: string, name: string, end: string) => `${begin}\n${tables(readAction(name))}\n\n${end}`);
}

/** The README with its one table up to date: all actions, a line each. Throws when `<!-- actions -->` and `<!-- end -->` are not on it. */
export function withOverview(page: string): string {
  const [before, rest] = page.split("<!-- actions -->\n");
  const end = rest?.indexOf("<!-- end -->") ?? -1;
  if (rest === undefined || end < 0) throw new Error("README.md has no place for the actions, between <!-- actions --> and <!-- end -->");
  const rows = actionNames().map((name) => {
    const { description, inputs = {}, outputs = {} } = readAction(name);
    return `| [\`${name}\`](docs/actions.md#${name}) | ${cell(description)} | ${codes(inputs)} | ${codes(outputs)} |`;
  });
  const table = ["| action | what it does | inputs | outputs |", "| --- | --- | --- | --- |", ...rows].join("\n");
  return `${before}<!-- actions -->\n\n${table}\n\n${rest.slice(end)}`;
}

function actionNames(): string[] {
  const entries = readdirSync(join(root, "actions"), { withFileTypes: true });
  return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort();
}

function readAction(name: string): Action {
  return load(readFileSync(join(root, "actions", name, "action.yml"), "utf8")) as Action;
}

function codes(named: Readonly<Record<string, unknown>>): string {
  return Object.keys(named)
    .map((name) => `\`${name}\``)
    .join(", ");
}

function tables({ description, inputs = {}, outputs = {} }: Action): string {
  const given = Object.entries(inputs).map(([name, input]) => `| \`${name}\` | ${fallback(input)} | ${cell(input.description)} |`);
  const told = Object.entries(outputs).map(([name, output]) => `| \`${name}\` | ${cell(output.description)} |`);
  return [
    description,
    ["| input | default | what |", "| --- | --- | --- |", ...given].join("\n"),
    ...(told.length === 0 ? [] : [["| output | what |", "| --- | --- |", ...told].join("\n")]),
  ].join("\n\n");
}

function fallback({ required, default: value }: { readonly required?: boolean; readonly default?: string }): string {
  if (required) return "required";
  if (value?.includes("github.token")) return "the job's token";
  return value === undefined || value === "" ? "" : `\`${value}\``;
}

function cell(text: string): string {
  return text.trim().replaceAll("|", "\\|").replaceAll("\n", " ");
}

if (import.meta.main) {
  for (const [path, write] of [
    [actionsPage, withActionTables],
    [readme, withOverview],
  ] as const) {
    const page = readFileSync(path, "utf8");
    const right = write(page);
    if (!process.argv.includes("--check")) writeFileSync(path, right);
    else if (page !== right) {
      process.stderr.write(`${relative(root, path)} is not what the actions' action.yml say: run \`node scripts/action-tables.ts\`\n`);
      process.exitCode = 1;
    }
  }
}
