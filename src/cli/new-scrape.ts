import { existsSync, readdirSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import { UserError } from "../errors.ts";

/** The DAG id that the template's files use where the new scrape's name belongs. */
const PLACEHOLDER = "_template";

/** Copies `scrapes/_template` to `scrapes/NAME`, whole or not at all. Returns the files made, relative to the root. Throws UserError when the name can't be used. */
export async function newScrape(root: string, name: string): Promise<string[]> {
  const template = join(root, "scrapes", "_template");
  const target = join(root, "scrapes", name);
  checkName(root, name);
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

/** The name becomes a folder, a DAG's id and a table. */
function checkName(root: string, name: string): void {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) {
    const like = name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "_")
      .replace(/^[^a-z]+|_+$/g, "");
    throw new UserError(`a scrape can't be named ${JSON.stringify(name)}`, {
      hint: `Use lower-case letters, digits and underscores, a letter first${like === "" ? "" : `: ${like}`}.`,
    });
  }
  if (name.length > LONGEST_NAME) {
    throw new UserError(`the name has ${name.length} characters`, {
      hint: `The table has the same one, and PostgreSQL takes ${LONGEST_NAME}.`,
    });
  }
  const hint = "Choose another name, or edit that one.";
  if (existsSync(join(root, "scrapes", name))) throw new UserError(`scrapes/${name} exists already`, { hint });
  const dag = dagFiles(root).find((file) => basename(file).replace(/\.ya?ml$/, "") === name);
  if (dag !== undefined) throw new UserError(`a DAG ${name} exists already, in ${dag}`, { hint });
}

const LONGEST_NAME = 63;

/** Of all scrapes, relative to the root. */
function dagFiles(root: string): string[] {
  const scrapes = readdirSync(join(root, "scrapes"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return scrapes.flatMap(({ name }) =>
    readdirSync(join(root, "scrapes", name))
      .filter((file) => /\.ya?ml$/.test(file))
      .map((file) => `scrapes/${name}/${file}`),
  );
}
