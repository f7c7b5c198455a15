import { setImmediate } from "node:timers/promises";
import { type ReleaseId, sha256 } from "../ids.ts";
import { type Log, silentLog } from "../log.ts";
import type { Dag, Scrape } from "../scrape/model.ts";
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
export async function buildRelease(scrapes: readonly Scrape[], options: { root: string; log?: Log }): Promise<Release> {
  const { root, log = silentLog } = options;
  const dags = scrapes.flatMap((scrape) => scrape.dags.map((dag) => ({ dag, scrape })));
  // esbuild is a process of its own: it bundles while the rest is rendered here.
  const bundles = Promise.all([bundleFunctions(functionEntries(scrapes), root), bundleRunner()]);
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

/** Begins with what no scrape can change, so that it is made while they are still being checked. */
export function prepareRelease(): void {
  bundleRunner().catch(() => {}); // buildRelease throws it
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
