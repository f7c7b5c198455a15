import { dirname, join, relative, sep } from "node:path";
import type { Message, Plugin } from "esbuild";

interface ModuleFault {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export interface ModuleExports {
  /** The names that the module exports; null when it does not parse. */
  readonly names: ReadonlySet<string> | null;
  readonly faults: readonly ModuleFault[];
}

/**
 * What each module exports, without running any of it: esbuild parses them. `files` are absolute paths.
 * `export * from "./x"` is followed in a second call, as far as the folder of the module reaches.
 */
export async function moduleExports(root: string, files: readonly string[]): Promise<Map<string, ModuleExports>> {
  const all = [...new Set(files)];
  const batches = Array.from({ length: Math.ceil(all.length / BATCH) }, (_, index) => all.slice(index * BATCH, (index + 1) * BATCH));
  const results = await Promise.all(batches.map((batch) => batchExports(root, batch)));
  return new Map(results.flatMap((result) => [...result]));
}

/** So that one module that does not parse has few others parsed again. */
const BATCH = 200;

async function batchExports(root: string, files: readonly string[]): Promise<Map<string, ModuleExports>> {
  const result = new Map<string, ModuleExports>();
  const starred = new Set<string>();
  let rest = [...files];
  // A module that does not parse fails the whole call: the others are parsed again without it.
  while (rest.length > 0) {
    const { errors, outputs } = await parse(root, rest, null);
    for (const { file, names, hasStar } of outputs) {
      result.set(file, { names, faults: [] });
      if (hasStar) starred.add(file);
    }
    if (errors.length === 0) break;
    for (const error of errors) {
      const file = error.location === null ? undefined : join(root, error.location.file);
      if (file === undefined) continue;
      result.set(file, { names: null, faults: [...(result.get(file)?.faults ?? []), faultOf(error)] });
    }
    const left = rest.filter((file) => !result.has(file));
    if (left.length === rest.length) throw new Error(`esbuild: ${errors.map((error) => error.text).join("; ")}`);
    rest = left;
  }
  for (const file of starred) {
    const { outputs } = await parse(root, [file], dirname(file));
    for (const { names } of outputs) result.set(file, { names, faults: [] });
  }
  return result;
}

function faultOf({ location, text }: Message): ModuleFault {
  return { line: location?.line ?? 1, column: (location?.column ?? 0) + 1, message: text };
}

interface Output {
  readonly file: string;
  readonly names: ReadonlySet<string>;
  readonly hasStar: boolean;
}

async function parse(
  root: string,
  files: readonly string[],
  within: string | null,
): Promise<{ errors: readonly Message[]; outputs: Output[] }> {
  const esbuild = await import("esbuild");
  try {
    const { metafile, outputFiles } = await esbuild.build({
      entryPoints: [...files],
      absWorkingDir: root,
      outdir: join(root, "out"),
      outbase: root,
      write: false,
      metafile: true,
      format: "esm",
      // Without it, esbuild links each entry by itself, which takes twice as long.
      splitting: true,
      platform: "node",
      logLevel: "silent",
      logLimit: 0,
      tsconfigRaw: "{}",
      ...(within === null ? { bundle: false } : { bundle: true, plugins: [onlyWithin(within)] }),
    });
    const stars = new Set(outputFiles.filter((file) => /^export \*/m.test(file.text)).map((file) => file.path));
    const outputs = Object.entries(metafile.outputs).flatMap(([path, { entryPoint, exports }]) =>
      entryPoint === undefined ? [] : [{ file: join(root, entryPoint), names: new Set(exports), hasStar: stars.has(join(root, path)) }],
    );
    return { errors: [], outputs };
  } catch (error) {
    if (error instanceof Error && "errors" in error && Array.isArray(error.errors))
      return { errors: error.errors as Message[], outputs: [] };
    throw error;
  }
}

/** Leaves every import unread that is not a file of this folder. */
function onlyWithin(folder: string): Plugin {
  return {
    name: "only-within",
    setup(build) {
      build.onResolve({ filter: /.*/ }, ({ path, kind, resolveDir }) => {
        if (kind === "entry-point") return undefined;
        const inside = relative(folder, join(resolveDir, path));
        return path.startsWith(".") && inside !== ".." && !inside.startsWith(`..${sep}`) ? undefined : { path, external: true };
      });
    },
  };
}
