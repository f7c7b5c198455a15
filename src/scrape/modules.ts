import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { type ModuleExports, moduleExports } from "./callables.ts";
import type { Problem } from "./model.ts";
import type { Folder } from "./read-folder.ts";

const MODULE_BYTES = 1024 * 1024;

/** The modules of all scrapes: parsed once each, their syntax errors reported once each. */
export class Modules {
  private readonly root: string;
  private readonly problems: Problem[];
  /** By absolute path; one parse answers for many. */
  private readonly parsed = new Map<string, Promise<Map<string, ModuleExports>>>();

  constructor(root: string, problems: Problem[]) {
    this.root = root;
    this.problems = problems;
  }

  /** Begins to parse what nearly every scrape has, and returns once that is under way. */
  async start(folders: readonly Folder[]): Promise<void> {
    await import("esbuild");
    const parsed = this.parse(folders.flatMap((folder) => ["functions.ts", "helpers.ts"].map((file) => [folder, file] as const)));
    parsed.catch(() => {}); // whoever asks for the exports gets the error
    for (const folder of folders) this.parsed.set(join(folder.path, "functions.ts"), parsed);
    await setImmediate(); // the requests leave now
  }

  /** The names that a file of a folder exports; null when it is not there, not readable or does not parse, all of which are reported. */
  async exportsOf(folder: Folder, file: string): Promise<ReadonlySet<string> | null> {
    const path = join(folder.path, file);
    let parsed = this.parsed.get(path);
    if (parsed === undefined) {
      parsed = this.parse([[folder, file]]);
      this.parsed.set(path, parsed);
    }
    return (await parsed).get(path)?.names ?? null;
  }

  private async parse(modules: readonly (readonly [Folder, string])[]): Promise<Map<string, ModuleExports>> {
    const paths = new Map<string, string>();
    for (const [folder, file] of modules) {
      const path = join(folder.path, file);
      if (folder.files.has(file) && folder.text(file, MODULE_BYTES) !== null) paths.set(path, `${folder.dir}/${file}`);
    }
    const found = await moduleExports(this.root, [...paths.keys()]);
    for (const [path, { faults }] of found) {
      for (const { line, column, message } of faults) {
        const file = paths.get(path) ?? path;
        const hint = "Mend it; your editor shows it, too.";
        this.problems.push({
          file,
          line,
          column,
          severity: "error",
          code: "module-syntax",
          message: `the module does not parse: ${message}`,
          hint,
        });
      }
    }
    return found;
  }
}
