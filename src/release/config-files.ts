import { lstatSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { UserError } from "../errors.ts";
import type { Scrape } from "../scrape/model.ts";

/**
 * A scrape's configuration, byte for byte, by path in the release: all of `config/`, and a file elsewhere in the scrape that a DAG names.
 * Names that start with a dot stay behind: editors and file managers leave such files. Throws a UserError when a link leads out of the scrape.
 */
export function readConfigFiles(scrape: Scrape, root: string): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const named = scrape.dags.flatMap((dag) => (dag.configPath === null ? [] : [dag.configPath]));
  for (const path of new Set([...listFiles(root, `${scrape.dir}/config`), ...named])) {
    const target = configTarget(scrape, path);
    if (files.has(target))
      throw new UserError(`${path} and another file of ${scrape.dir} would both be ${target}`, { hint: "Rename one of them." });
    files.set(target, readInside(root, scrape.dir, path));
  }
  return files;
}

/** Where a configuration file of the scrape stands in the release. */
export function configTarget(scrape: Pick<Scrape, "name" | "dir">, path: string): string {
  const inScrape = path.startsWith(`${scrape.dir}/`) ? path.slice(scrape.dir.length + 1) : path;
  return `configs/${scrape.name}/${inScrape.replace(/^config\//, "")}`;
}

function listFiles(root: string, folder: string): string[] {
  if (lstatSync(join(root, folder), { throwIfNoEntry: false })?.isDirectory() !== true) return [];
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => !entry.name.startsWith("."))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => (entry.isDirectory() ? listFiles(root, `${folder}/${entry.name}`) : [`${folder}/${entry.name}`]));
}

function readInside(root: string, folder: string, path: string): Uint8Array {
  const real = realpathSync(join(root, path));
  if (relative(realpathSync(join(root, folder)), real).split(sep)[0] === "..") {
    throw new UserError(`${path} is a link that leads out of ${folder}`, { hint: "Put the file itself there." });
  }
  if (!statSync(real).isFile()) throw new UserError(`${path} is not a file`, { hint: `Put the files themselves in ${folder}/config.` });
  return readFileSync(real);
}
