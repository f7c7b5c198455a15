import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { UserError } from "../errors.ts";

/** The nearest folder, from here upwards, that has a `scrapes/`. */
export function findProject(from = process.cwd()): string {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    if (existsSync(join(folder, "scrapes"))) return folder;
    if (folder === dirname(folder)) {
      throw new UserError(`no scrapes/ folder in ${from} or above it`, { hint: "Run dagline in a repository that has one." });
    }
  }
}
