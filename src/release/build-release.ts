import { setImmediate } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { type ReleaseId, sha256 } from "../ids.ts";
import { type Log, silentLog } from "../log.ts";
import type { Dag, Scrape } from "../scrape/model.ts";
import type { Folder } from "../scrape/read-folder.ts";
import { bundleFunctions, bundleRunner, type Entry } from "./bundle.ts";
import { configTarget, readConfigFiles } from "./config-files.ts";
import { renderSpec } from "./dag-spec.ts";
import { renderDefinition } from "./definition.ts";
import { canonicalManifest, hostPackageVersion, type Manifest, parseManifest, releaseIdOf } from "./manifest.ts";
import { renderDag } from "./render-dag.ts";

export { writeRelease } from "./write-release.ts";

/** An immutable set of files, addressed by the digest of its manifest. */
export interface Release {
  readonly id: ReleaseId;
  readonly manifest: Manifest;
  readonly manifestBytes: Uint8Array;
  /** By path in the release. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/**
 * Renders checked scrapes as a release: docs/architecture.md, "The release". `root` is the repository that the scrapes' paths start from.
 * The same scrapes and the same version of dagline give the same bytes on any machine and any day.
 * Throws a UserError when a function cannot be bundled or a configuration file is none.
 */
export async function buildRelease(
  scrapes: readonly Scrape[],
  options: { root: string; log?: Log; ahead?: AheadOfCheck | undefined },
): Promise<Release> {
  const { root, log = silentLog, ahead } = options;
  const dags = scrapes.flatMap((scrape) => scrape.dags.map((dag) => ({ dag, scrape })));
  // esbuild is a process of its own: it bundles while the rest is rendered here.
  const entries = functionEntries(scrapes);
  const functions = ahead !== undefined && isDeepStrictEqual(ahead.entries, entries) ? ahead.bundles : bundleFunctions(entries, root);
  const bundles = Promise.all([functions, bundleRunner()]);
  bundles.catch(() => {}); // thrown below, unless something else is thrown first
  await setImmediate();
  const files = new Map<string, Uint8Array>();
  for (const scrape of scrapes) {
    for (const [path, bytes] of readConfigFiles(scrape, root)) files.set(path, bytes);
  }
  for (const { dag, scrape } of dags) {
    files.set(dagFile(dag), encode(renderDag(dag, scrape.readme)));
    const paths = pathsOf(dag, scrape);
    files.set(`specs/${dag.id}.json`, encode(renderSpec(dag, paths)));
    files.set(`definitions/${dag.id}.json`, renderDefinition(dag, { ...paths, readme: sha256(scrape.readme) }));
  }
  for (const bundle of await bundles) for (const [path, bytes] of bundle) files.set(path, bytes);
  const release = describe(
    dags.map(({ dag }) => dag),
    files,
  );
  log.info(`release ${release.id}: ${dags.length} DAGs, ${files.size} files`);
  return release;
}

/** Bundles that were begun before it was known what to bundle. */
export interface AheadOfCheck {
  readonly entries: readonly Entry[];
  readonly bundles: Promise<Map<string, Uint8Array>>;
}

/**
 * Begins to bundle while the scrapes are still being checked: dagline's runner, and the modules that the DAGs use unless they name another.
 * buildRelease takes them when that was right, and throws what goes wrong with them.
 */
export function bundleAheadOfCheck(folders: readonly Pick<Folder, "name" | "dir" | "files">[], root: string): AheadOfCheck {
  const entries = folders.flatMap(({ name, dir, files }) =>
    files.has("functions.ts") ? [{ source: `${dir}/functions.ts`, target: `functions/${name}` }] : [],
  );
  const bundles = bundleFunctions(entries, root);
  for (const begun of [bundles, bundleRunner()]) begun.catch(() => {});
  return { entries, bundles };
}

function describe(dags: readonly Dag[], files: ReadonlyMap<string, Uint8Array>): Release {
  const manifest: Manifest = {
    manifest_version: 1,
    host_package: hostPackageVersion,
    dags: Object.fromEntries(dags.map((dag) => [dag.id, { file: dagFile(dag), source: dag.file }])),
    files: [...files].map(([path, bytes]) => ({ path, sha256: sha256(bytes), size: bytes.byteLength })),
  };
  const manifestBytes = canonicalManifest(manifest);
  // Read back, it has passed the checks that a host makes.
  return { id: releaseIdOf(manifestBytes), manifest: parseManifest(manifestBytes), manifestBytes, files };
}

function functionEntries(scrapes: readonly Scrape[]): Entry[] {
  return scrapes.flatMap((scrape) => {
    const sources = new Set(scrape.dags.flatMap((dag) => (dag.callableFile === null ? [] : [dag.callableFile])));
    return [...sources].map((source) => ({ source, target: functionTarget(scrape, source) }));
  });
}

function functionTarget(scrape: Pick<Scrape, "name" | "dir">, source: string): string {
  const inScrape = source.slice(scrape.dir.length + 1).replace(/\.[cm]?[jt]s$/, "");
  return inScrape === "functions" ? `functions/${scrape.name}` : `functions/${scrape.name}/${inScrape}`;
}

function pathsOf(dag: Dag, scrape: Scrape): { functions: string | null; config: string | null } {
  return {
    functions: dag.callableFile === null ? null : `${functionTarget(scrape, dag.callableFile)}.mjs`,
    config: dag.configPath === null ? null : configTarget(scrape, dag.configPath),
  };
}

function dagFile(dag: Dag): string {
  return `dags/${dag.id}.py`;
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
