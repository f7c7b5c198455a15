import { didYouMean } from "./did-you-mean.ts";
import type { Problem } from "./model.ts";
import { type ReadDag, readDag } from "./read-dag.ts";
import type { Folder } from "./read-folder.ts";
import type { Located } from "./read-node.ts";
import { reportOn } from "./report.ts";

export interface CheckedFolder {
  readonly folder: Folder;
  readonly dags: readonly ReadDag[];
  readonly readme: string;
}

const KiB = 1024;
const limits = { dag: 1024 * KiB, readme: 128 * KiB, config: 8 * 1024 * KiB };

/** Checks one scrape's folder: its files, its DAGs one by one, its configuration. Modules and other scrapes are looked at later. */
export function checkFolder(folder: Folder, problems: Problem[]): CheckedFolder {
  const report = (file: string, code: string, message: string, hint: string): void => {
    problems.push({ file: `${folder.dir}/${file}`, line: 1, column: 1, severity: "error", code, message, hint });
  };
  const dags = readDags(folder, problems, report);
  const modules = new Set(dags.map(({ callableFile }) => withoutDot(callableFile?.value ?? "functions.ts")));
  for (const { path, holds } of requiredFiles) {
    if (path === "functions.ts" && dags.length > 0 && !modules.has(path)) continue;
    if (!has(folder, path)) report(path, "missing-file", `${folder.dir}/${path} is missing`, holds);
  }
  for (const dag of dags) {
    checkPath(dag, dag.callableFile, "callable_file", /\.m?[jt]s$/, "a TypeScript or JavaScript module such as functions.ts", folder);
    checkPath(dag, dag.configPath, "config_path", /^config\/.*\.json$/, "a JSON file in config/, such as config/config.json", folder);
  }
  for (const file of folder.files) if (file.startsWith("config/") && file.endsWith(".json")) checkJson(folder, file, problems);
  const readme = folder.files.has("README.md") ? folder.text("README.md", limits.readme) : null;
  return { folder, dags, readme: readme ?? "" };
}

const requiredFiles = [
  { path: "functions.ts", holds: "It exports the functions that the DAG's tasks name in `callable`." },
  { path: "helpers.ts", holds: "It holds the pure functions that functions.ts uses and unit.test.ts tests." },
  {
    path: "config/",
    holds: "It holds the JSON that the functions get as `config`: tables, lists, limits; `config/config.json` with `{}` is a start.",
  },
  { path: "fixtures/", holds: "It holds small real samples of the source, which the tests run on." },
  { path: "component.test.ts", holds: "It runs each function on the fixtures, through to rows in a real PostgreSQL." },
  { path: "unit.test.ts", holds: "It tests helpers.ts." },
  {
    path: "README.md",
    holds: "It says what the rows are, where they come from and what is odd about them; Airflow shows it next to the DAG.",
  },
];

function has(folder: Folder, path: string): boolean {
  if (!path.endsWith("/")) return folder.files.has(path);
  for (const file of folder.files) if (file.startsWith(path)) return true;
  return false;
}

type FileReport = (file: string, code: string, message: string, hint: string) => void;

function readDags(folder: Folder, problems: Problem[], report: FileReport): ReadDag[] {
  const dags: ReadDag[] = [];
  let candidates = 0;
  for (const file of folder.files) {
    if (!/\.ya?ml$/i.test(file)) continue;
    if (file.includes("/")) {
      if (/^(?:config|fixtures)\/|(?:^|\/)node_modules\//.test(file)) continue;
      report(
        file,
        "misplaced-yaml",
        "this YAML file is neither a DAG nor configuration",
        `A DAG file stands directly in ${folder.dir}/; other YAML belongs in config/ or fixtures/.`,
      );
      continue;
    }
    candidates++;
    if (!file.endsWith(".yml"))
      report(file, "misplaced-yaml", "a DAG file ends in .yml", `Rename it to ${file.replace(/\.ya?ml$/i, ".yml")}.`);
    const text = folder.text(file, limits.dag);
    if (text === null) continue;
    const path = `${folder.dir}/${file}`;
    const dag = readDag(folder.name, path, text, reportOn(path, text, problems));
    if (dag !== null) dags.push(dag);
  }
  if (candidates === 0)
    report(
      `${folder.name}.yml`,
      "missing-file",
      `${folder.dir}/ holds no DAG file`,
      "DAG_ID.yml says when the scrape runs, from where, and its tasks. `dagline new NAME` writes a first one.",
    );
  return dags;
}

/** A path in a DAG file stays in the scrape's folder and names a file there. */
function checkPath(dag: ReadDag, path: Located<string> | undefined, key: string, form: RegExp, wanted: string, folder: Folder): void {
  if (path === undefined) return;
  const file = withoutDot(path.value);
  const steps = file.split("/");
  if (/^[/~]|^[A-Za-z]:|[\\\0]/.test(path.value) || steps.includes("..") || steps.includes("") || steps.includes(".")) {
    dag.report.error(
      path.at,
      "path-outside",
      `\`${key}\` leaves the scrape's folder: ${JSON.stringify(path.value.slice(0, 100))}`,
      `Write ${wanted}, relative to ${folder.dir}/.`,
    );
  } else if (!form.test(file)) {
    dag.report.error(
      path.at,
      "path-form",
      `\`${key}\` is not ${wanted}: ${JSON.stringify(file.slice(0, 100))}`,
      `The path is relative to ${folder.dir}/.`,
    );
  } else if (!folder.files.has(file)) {
    const others = [...folder.files].filter((other) => form.test(other) && !other.endsWith(".test.ts"));
    dag.report.error(path.at, "no-such-file", `${folder.dir}/${file.slice(0, 200)} does not exist`, didYouMean(file, others));
  }
}

export function withoutDot(path: string): string {
  return path.replace(/^(?:\.\/+)+/, "");
}

function checkJson(folder: Folder, file: string, problems: Problem[]): void {
  const text = folder.text(file, limits.config);
  if (text === null) return;
  try {
    JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const position = /position (\d+)/.exec(message)?.[1];
    const reason = message.replace(/ in JSON at position .*$|, (?:"|\.\.\.).*$/s, "");
    const at = position === undefined ? text.trimEnd().length : Number(position);
    reportOn(`${folder.dir}/${file}`, text, problems).error(
      at,
      "config-json",
      `not JSON: ${reason}`,
      "JSON has no comments and no trailing commas; names are in double quotes.",
    );
  }
}
