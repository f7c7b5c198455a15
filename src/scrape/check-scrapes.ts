import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { setImmediate } from "node:timers/promises";
import { UserError } from "../errors.ts";
import type { Log } from "../log.ts";
import { checkAcross } from "./check-across.ts";
import { type CheckedFolder, checkFolder, withoutDot } from "./check-folder.ts";
import { didYouMean } from "./did-you-mean.ts";
import type { Problem, Scrape } from "./model.ts";
import { Modules } from "./modules.ts";
import { type Folder, readFolder } from "./read-folder.ts";
import { compare, sortProblems } from "./report.ts";

export interface CheckOptions {
  readonly log?: Log;
  /** Look at these folders only, also at one whose name begins with `_`; default: every other folder of `scrapes/`. */
  readonly only?: readonly string[];
  /** Called with the folders once they are listed, before they are checked: for what takes long and can be begun on that alone. */
  readonly onListed?: (folders: readonly Folder[]) => void;
}

export interface Checked {
  /** Those without an error, by name. */
  readonly scrapes: Scrape[];
  /** All that was found, by file, line and column. */
  readonly problems: Problem[];
}

/**
 * Reads and checks `<folder>/scrapes/*`; folders whose name begins with `_` or `.` are left out. Nothing of a scrape is run.
 * Throws a UserError when there is no `scrapes/` folder, or no folder that `only` names.
 */
export async function checkScrapes(folder: string, options: CheckOptions = {}): Promise<Checked> {
  const root = resolve(folder);
  const problems: Problem[] = [];
  const names = options.only === undefined ? listScrapes(root, problems) : requireFolders(root, options.only);
  options.log?.info(`checking ${names.length} ${names.length === 1 ? "scrape" : "scrapes"}`);
  const folders = names.map((name) => readFolder(root, name, problems));
  const modules = new Modules(root, problems);
  // esbuild is a process of its own: it parses the modules while the DAG files are read here.
  await modules.start(folders);
  options.onListed?.(folders);
  const checked: CheckedFolder[] = [];
  for (const folder of folders) {
    checked.push(checkFolder(folder, problems));
    await setImmediate(); // what esbuild asks meanwhile is answered
  }
  checkAcross(
    checked.flatMap(({ dags }) => dags),
    options.only === undefined,
  );
  await checkCallables(checked, modules);
  const wrong = new Set(problems.filter(({ severity }) => severity === "error").map(({ file }) => file.split("/")[1] ?? ""));
  return {
    scrapes: checked.filter((one) => !wrong.has(one.folder.name)).map(toScrape),
    problems: sortProblems(problems),
  };
}

/** Checks one folder of `scrapes/` by itself, such as `_template`. */
export async function checkScrape(root: string, name: string): Promise<{ scrape: Scrape | null; problems: Problem[] }> {
  const { scrapes, problems } = await checkScrapes(root, { only: [name] });
  return { scrape: scrapes[0] ?? null, problems };
}

function toScrape({ folder, dags, readme }: CheckedFolder): Scrape {
  return { name: folder.name, dir: folder.dir, dags: dags.map(({ dag }) => dag), readme };
}

function listScrapes(root: string, problems: Problem[]): string[] {
  const path = join(root, "scrapes");
  if (!existsSync(path)) throw new UserError(`no scrapes/ folder in ${root}`, { hint: "Run dagline in a repository that has one." });
  const names: string[] = [];
  const report = (file: string, code: string, message: string, hint: string): void => {
    problems.push({ file: `scrapes/${file}`, line: 1, column: 1, severity: "error", code, message, hint });
  };
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const { name } = entry;
    if (name.startsWith("_") || name.startsWith(".")) continue;
    if (entry.isSymbolicLink()) report(name, "link-outside", "this is a link", "Put the scrape's folder itself here.");
    else if (entry.isFile() && /\.ya?ml$/i.test(name)) {
      report(name, "misplaced-yaml", "a DAG file belongs in its scrape's folder", `Move it to scrapes/${name.replace(/\.ya?ml$/i, "")}/.`);
    } else if (entry.isDirectory() && !/^[a-z][a-z0-9_]{0,99}$/.test(name)) {
      report(
        name,
        "folder-name",
        `${JSON.stringify(name)} is not a scrape's name`,
        "Lower-case letters, digits and underscores, a letter first, at most 100.",
      );
    } else if (entry.isDirectory()) names.push(name);
  }
  return names.sort(compare);
}

function requireFolders(root: string, names: readonly string[]): string[] {
  for (const name of names) {
    if (/^[A-Za-z0-9_]+$/.test(name) && existsSync(join(root, "scrapes", name))) continue;
    const others = readdirSync(join(root, "scrapes"), { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [entry.name] : [],
    );
    throw new UserError(`no scrape named ${JSON.stringify(name)}`, { hint: didYouMean(name, others) });
  }
  return [...names].sort(compare);
}

/** Each task's `callable` is exported by its DAG's module. */
async function checkCallables(checked: readonly CheckedFolder[], modules: Modules): Promise<void> {
  for (const { folder, dags } of checked) {
    for (const { callables, callableFile, report } of dags) {
      const file = withoutDot(callableFile?.value ?? "functions.ts");
      const names = await modules.exportsOf(folder, file);
      if (names === null) continue;
      for (const { value, at } of callables) {
        if (names.has(value)) continue;
        const exported = [...names].filter((name) => name !== "default");
        const hint =
          exported.length === 0 ? `It exports nothing: write \`export async function ${value}(…)\`.` : didYouMean(value, exported);
        report.error(at, "unknown-callable", `${folder.dir}/${file} does not export \`${value.slice(0, 100)}\``, hint);
      }
    }
  }
}
