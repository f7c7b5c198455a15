import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { type BuildOptions, build, type Message, type Metafile, type Plugin } from "esbuild";
import { UserError } from "../errors.ts";

/**
 * The packages with native code that are installed on every host beside the agent: bundles import them from there.
 * A bundle cannot hold native code, so any other package that has some is refused.
 */
const nativePackages: readonly string[] = ["@duckdb/node-api"];

/** A module to bundle. */
export interface Entry {
  /** Relative to the folder that is built in, with `/`. */
  readonly source: string;
  /** Path of the bundle in the release, without `.mjs`. */
  readonly target: string;
}

/**
 * Bundles the scrapes' functions with what they import: a module each, what several of them share in chunks beside them, all with source maps.
 * The bytes depend on the sources and on nothing else: not on where `root` is, not on the order of the entries.
 * Throws a UserError with every problem that esbuild finds.
 */
export async function bundleFunctions(entries: readonly Entry[], root: string): Promise<Map<string, Uint8Array>> {
  if (entries.length === 0) return new Map();
  // esbuild names files by their real paths; those must all lie below the folder that they are told relative to.
  const real = realpathSync(root);
  const plugins = [await daglineModule()];
  return bundle(entries, real, { chunkNames: "functions/chunks/[name]-[hash]", sourcemap: "linked", plugins });
}

/** Bundles the program that runs one task: `run-task.mjs`, and what it loads only when needed in `runner/`. */
export function bundleRunner(): Promise<Map<string, Uint8Array>> {
  // Made once: dagline itself stays the same while it runs, the scrapes that it watches do not.
  runner ??= existsSync(join(packageRoot, "node_modules"))
    ? bundle([{ source: "src/task/main.ts", target: "run-task" }], realpathSync(packageRoot), { chunkNames: "runner/[name]-[hash]" })
    : readBuiltRunner(join(packageRoot, "dist", "runner"));
  return runner;
}

/** Where dagline's packages are not installed, as in a version tag that an action runs from, the runner was bundled when the tag was made. */
async function readBuiltRunner(folder: string): Promise<Map<string, Uint8Array>> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name));
  return new Map(paths.map((path) => [relative(folder, path).split(sep).join("/"), readFileSync(path)]));
}

let runner: Promise<Map<string, Uint8Array>> | undefined;

/** Where dagline itself is. */
const packageRoot = join(import.meta.dirname, "..", "..");

async function bundle(entries: readonly Entry[], root: string, options: BuildOptions): Promise<Map<string, Uint8Array>> {
  const sorted = [...entries].sort((a, b) => (a.target < b.target ? -1 : 1));
  const { outputFiles, metafile } = await reportingProblems(() =>
    build({
      ...always,
      ...options,
      absWorkingDir: root,
      // Packages that are linked in from elsewhere get the names that they would have here.
      preserveSymlinks: lstatSync(join(root, "node_modules"), { throwIfNoEntry: false })?.isSymbolicLink() === true,
      entryPoints: sorted.map(({ source, target }) => ({ in: `./${source}`, out: target })),
      outdir: root,
      write: false,
      metafile: true,
      splitting: true,
      outExtension: { ".js": ".mjs" },
      banner: { js: requireForCommonJs },
    }),
  );
  refuseNativeCode(metafile, root);
  return new Map(outputFiles.map((file) => [relative(root, file.path).split(sep).join("/"), file.contents]));
}

const always: BuildOptions = {
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node24",
  charset: "utf8",
  external: [...nativePackages, "pg-native"],
  // A tsconfig.json that happens to lie above would change the output.
  tsconfigRaw: "{}",
  logLevel: "silent",
  logLimit: 0,
};

/** CommonJS packages ask for Node's own modules by `require`, which an ES module lacks. */
const requireForCommonJs =
  'import { createRequire as daglineRequire } from "node:module"; globalThis.require ??= daglineRequire(import.meta.url);';

/** `dagline` in a scrape: the functions' API, the same bytes wherever dagline is installed. */
async function daglineModule(): Promise<Plugin> {
  const contents = await bundleApi();
  return {
    name: "dagline",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^dagline$/ }, () => ({ path: "api", namespace: "dagline", sideEffects: false }));
      onLoad({ filter: /.*/, namespace: "dagline" }, () => ({ contents, loader: "js" }));
    },
  };
}

async function bundleApi(): Promise<string> {
  const { outputFiles } = await build({
    ...always,
    absWorkingDir: packageRoot,
    entryPoints: ["./src/task/api.ts"],
    write: false,
  });
  return outputFiles[0]?.text ?? "";
}

async function reportingProblems<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isBuildFailure(error)) throw error;
    const problems = error.errors.map(({ location, text }) =>
      location === null ? text : `${location.file}:${location.line}:${location.column + 1}: ${text}`,
    );
    throw new UserError(`the functions cannot be bundled\n${problems.join("\n")}`, {
      hint: "`dagline validate` checks this, too.",
      cause: error,
    });
  }
}

function isBuildFailure(error: unknown): error is { errors: Message[] } {
  return error instanceof Error && "errors" in error && Array.isArray(error.errors);
}

/** Native packages find their binaries by paths that esbuild cannot see: without this, the task would fail on the host. */
function refuseNativeCode(metafile: Metafile, root: string): void {
  const folders = new Set(
    Object.keys(metafile.inputs).flatMap((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(input)?.[0] ?? []),
  );
  for (const folder of folders) {
    const description = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) as PackageDescription;
    const loaders = Object.keys(description.dependencies ?? {}).filter((name) => nativeLoader.test(name));
    if (description.gypfile === true || description.binary !== undefined || loaders.length > 0) {
      throw new UserError(`${folder.replace(/^.*node_modules\//, "")} has native code, which a bundle cannot hold`, {
        hint: `Use a package without, or one that hosts have: ${nativePackages.join(", ")}.`,
      });
    }
  }
}

interface PackageDescription {
  readonly gypfile?: boolean;
  readonly binary?: unknown;
  readonly dependencies?: Readonly<Record<string, string>>;
}

const nativeLoader = /^(bindings|node-gyp-build|node-gyp-build-optional-packages|prebuild-install|@mapbox\/node-pre-gyp|node-pre-gyp)$/;
