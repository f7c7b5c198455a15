// Writes the tables of docs/actions.md anew, between their markers, from each action's action.yml.
//   node scripts/action-tables.ts            writes the page
//   node scripts/action-tables.ts --check    fails when the page is not up to date
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "js-yaml";
import { root } from "../local/paths.ts";

/** The page with the tables. */
export const actionsPage = join(root, "docs", "actions.md");

interface Action {
  readonly description: string;
  readonly inputs?: Readonly<Record<string, { readonly description: string; readonly required?: boolean; readonly default?: string }>>;
  readonly outputs?: Readonly<Record<string, { readonly description: string }>>;
}

const MARKED = /(<!-- action: (\S+) -->\n)[\s\S]*?(<!-- end -->)/g;

/** The page with its tables up to date. Throws when an action has no markers on it, `<!-- action: NAME -->` and `<!-- end -->`, or they name none. */
export function withActionTables(page: string): string {
  const folder = join(root, "actions");
  const names = readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  const marked = [...page.matchAll(MARKED)].map(([, , name = ""]) => name);
  if ([...marked].sort().join(" ") !== names.sort().join(" ")) {
    throw new Error(`docs/actions.md has markers for ${marked.join(", ")}; the actions are ${names.join(", ")}`);
  }
  return page.replace(MARKED, (_all, begin: string, name: string, end: string) => {
    const action = load(readFileSync(join(folder, name, "action.yml"), "utf8")) as Action;
    return `${begin}\n${tables(action)}\n\n${end}`;
  });
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
  const page = readFileSync(actionsPage, "utf8");
  const right = withActionTables(page);
  if (!process.argv.includes("--check")) writeFileSync(actionsPage, right);
  else if (page !== right) {
    process.stderr.write("docs/actions.md is not what the actions' action.yml say: run `node scripts/action-tables.ts`\n");
    process.exitCode = 1;
  }
}
