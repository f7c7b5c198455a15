import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { UserError } from "../errors.ts";

/** The DAG id that the template's files use where the new scrape's name belongs. */
const PLACEHOLDER = "_template";

/** Copies `scrapes/_template` to `scrapes/NAME`, whole or not at all. Returns the files made, relative to the root. */
export async function newScrape(root: string, name: string): Promise<string[]> {
  const template = join(root, "scrapes", "_template");
  const target = join(root, "scrapes", name);
  if (existsSync(target)) throw new UserError(`scrapes/${name} exists already`, { hint: "Choose another name, or edit that one." });
  if (!existsSync(template)) throw new UserError("scrapes/_template is missing", { hint: "Restore it: git checkout -- scrapes/_template" });

  const unfinished = join(root, "scrapes", `.${name}.unfinished`);
  await rm(unfinished, { recursive: true, force: true });
  const made: string[] = [];
  for (const entry of await readdir(template, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const source = join(entry.parentPath, entry.name);
    const path = source.slice(template.length + 1).replaceAll(PLACEHOLDER, name);
    await mkdir(dirname(join(unfinished, path)), { recursive: true });
    await writeFile(join(unfinished, path), (await readFile(source, "utf8")).replaceAll(PLACEHOLDER, name));
    made.push(`scrapes/${name}/${path.replaceAll(sep, "/")}`);
  }
  await rename(unfinished, target);
  return made.sort();
}
