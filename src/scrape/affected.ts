import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { compare } from "./report.ts";

/** What every scrape depends on: the packages that are installed, and dagline itself where it is developed. */
const sharedByAll = /^(?:package(?:-lock)?\.json|tsconfig\.json|(?:src|local|schemas)\/.*)$/;

/**
 * The scrapes whose tests could turn out otherwise after these files (paths relative to `root`) have changed: those that hold one of them,
 * and those whose functions or tests import one, over any number of modules. All of them when what they all depend on changed.
 */
export async function affectedScrapes(root: string, changed: readonly string[]): Promise<string[]> {
  const names = scrapeFolders(root);
  if (changed.some((path) => sharedByAll.test(path))) return names;
  const paths = new Set(changed);
  const own = new Set(changed.flatMap((path) => /^scrapes\/([^/]+)\//.exec(path)?.[1] ?? []));
  const imports = await importedFiles(root, names);
  return names.filter((name) => own.has(name) || imports.get(name)?.some((file) => paths.has(file)) !== false);
}

function scrapeFolders(root: string): string[] {
  const folder = join(root, "scrapes");
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map(({ name }) => name)
    .sort(compare);
}

/** By scrape: all files that its modules import, themselves included. A scrape whose modules do not parse is not in it. */
async function importedFiles(root: string, names: readonly string[]): Promise<Map<string, string[]>> {
  const esbuild = await import("esbuild");
  const found = new Map<string, string[]>();
  const modulesOf = (name: string): string[] =>
    readdirSync(join(root, "scrapes", name)).flatMap((file) => (/\.[cm]?ts$/.test(file) ? [`./scrapes/${name}/${file}`] : []));
  const read = async (some: readonly string[]): Promise<void> => {
    try {
      const { metafile } = await esbuild.build({
        entryPoints: some.flatMap(modulesOf),
        absWorkingDir: root,
        outdir: join(root, "out"),
        bundle: true,
        write: false,
        metafile: true,
        packages: "external",
        format: "esm",
        platform: "node",
        logLevel: "silent",
        tsconfigRaw: "{}",
      });
      for (const { entryPoint, inputs } of Object.values(metafile.outputs)) {
        const name = entryPoint?.split("/")[1];
        if (name !== undefined) found.set(name, [...(found.get(name) ?? []), ...Object.keys(inputs)]);
      }
    } catch (error) {
      if (!(error instanceof Error && "errors" in error)) throw error;
      // One that does not parse fails the whole call: each is looked at alone then.
      if (some.length > 1) for (const name of some) await read([name]);
    }
  };
  await read(names);
  return found;
}
