import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { forEachLimited } from "../deploy/for-each-limited.ts";
import type { ObjectStore } from "../deploy/object-store.ts";
import { readRelease } from "../deploy/read-bucket.ts";
import { UserError } from "../errors.ts";
import { type ReleaseId, type Sha256, sha256, shortId } from "../ids.ts";
import { blobKey } from "../release/layout.ts";
import {
  canonicalManifest,
  hostPackageVersion,
  type Manifest,
  type ManifestFile,
  parseManifest,
  releaseIdOf,
} from "../release/manifest.ts";
import { releaseDir, releasesDir } from "./folder.ts";
import type { Host } from "./host.ts";
import { withLock } from "./lock.ts";

export interface Installed {
  readonly manifest: Manifest;
  readonly commit: string | null;
  /** The paths that had to be written: all of a new release, those that were damaged of an installed one. */
  readonly written: readonly string[];
}

/** What a release's folder holds beside the release's own files. */
const ownFiles = new Set(["release.json", "manifest.json"]);

/**
 * Makes `releases/<id>` hold exactly the release, every digest verified. A new one is put together beside it and renamed, so that it is there
 * whole or not at all; a damaged one is mended file by file, so that the tasks that run from it never miss one.
 * Files are not flushed to the disk one by one: each reload verifies them all, so what a power cut loses is found and mended.
 * Throws a UserError that names the file when a blob is missing or was altered.
 */
export async function installRelease(host: Pick<Host, "home" | "store" | "log">, id: ReleaseId): Promise<Installed> {
  const { home, log } = host;
  const waiting = (): void => log.info("another agent is fetching: waiting for it");
  return withLock(join(home, "install.db"), { timeoutSeconds: 600, waiting }, async () => {
    removePartials(home);
    return install(host, id);
  });
}

async function install({ home, store, log }: Pick<Host, "home" | "store" | "log">, id: ReleaseId): Promise<Installed> {
  const { manifest, commit } = (await installedRelease(home, id)) ?? (await readRelease(store, id));
  if (manifest.host_package !== hostPackageVersion) {
    throw new UserError(
      `release ${shortId(id)} needs version ${manifest.host_package} of dagline's host package, and this host has version ${hostPackageVersion}`,
      { hint: "Bring the host up to that version first (its set-up script does), then reload." },
    );
  }
  const dir = releaseDir(home, id);
  const fetchFile = fileSource(store, installedFiles(home, id));
  if (existsSync(dir)) return { manifest, commit, written: await mend(dir, manifest, commit, fetchFile) };

  log.info(`fetching release ${shortId(id)}`);
  const partial = join(releasesDir(home), `.${id}.partial`);
  await forEachLimited(16, manifest.files, async (file) => writeWhole(join(partial, file.path), await fetchFile(file)));
  writeNotes(partial, id, manifest, commit);
  log.info("fetched");
  renameSync(partial, dir);
  return { manifest, commit, written: manifest.files.map((file) => file.path) };
}

/** A release that is installed, as its folder says; undefined when there is none, or when what says so was altered. */
async function installedRelease(home: string, id: ReleaseId): Promise<{ manifest: Manifest; commit: string | null } | undefined> {
  try {
    const dir = releaseDir(home, id);
    const bytes = await readFile(join(dir, "manifest.json"));
    const { commit } = JSON.parse(await readFile(join(dir, "release.json"), "utf8")) as { commit: string | null };
    return releaseIdOf(bytes) === id ? { manifest: parseManifest(bytes), commit } : undefined;
  } catch {
    return undefined; // whatever is wrong with the notes: the bucket has them
  }
}

/** Removes what an agent that was killed left half-done. */
function removePartials(home: string): void {
  for (const name of namesIn(releasesDir(home))) {
    if (name.endsWith(".partial")) rmSync(join(releasesDir(home), name), { recursive: true, force: true });
  }
}

type FetchFile = (file: ManifestFile) => Promise<Uint8Array>;

async function mend(dir: string, manifest: Manifest, commit: string | null, fetchFile: FetchFile): Promise<string[]> {
  const damaged: ManifestFile[] = [];
  await forEachLimited(16, manifest.files, async (file) => {
    if ((await readVerified(join(dir, file.path), file.sha256)) === undefined) damaged.push(file);
  });
  const known = new Set(manifest.files.map((file) => file.path));
  const strangers = filesIn(dir).filter((path) => !known.has(path) && !ownFiles.has(path));
  // A file that nobody deployed could be a DAG.
  for (const path of strangers) rmSync(join(dir, path), { force: true });
  await forEachLimited(16, damaged, async (file) => writeWhole(join(dir, file.path), await fetchFile(file)));
  writeNotes(dir, releaseIdOf(canonicalManifest(manifest)), manifest, commit);
  return [...damaged.map((file) => file.path), ...strangers].sort();
}

/** From another installed release when it has the same bytes, else from the bucket. */
function fileSource(store: ObjectStore, installed: ReadonlyMap<Sha256, string>): FetchFile {
  return async (file) => {
    const neighbour = installed.get(file.sha256);
    const local = neighbour === undefined ? undefined : await readVerified(neighbour, file.sha256);
    return local ?? (await download(store, file));
  };
}

async function download(store: ObjectStore, file: ManifestFile): Promise<Uint8Array> {
  const key = blobKey(file.sha256);
  const object = await store.get(key);
  const problem =
    object === undefined
      ? "is missing"
      : object.body.byteLength !== file.size
        ? `was truncated or altered: it has ${object.body.byteLength} bytes instead of ${file.size}`
        : sha256(object.body) !== file.sha256
          ? "was altered: its digest is not its name"
          : undefined;
  if (object !== undefined && problem === undefined) return object.body;
  throw new UserError(`the blob of ${file.path} ${problem}`, {
    hint: `Remove ${store.address}${key} if it is there, then deploy again: it is uploaded anew.`,
  });
}

/** Where other releases have which bytes. What their manifests promise is verified when it is read. */
function installedFiles(home: string, except: ReleaseId): Map<Sha256, string> {
  const found = new Map<Sha256, string>();
  for (const name of namesIn(releasesDir(home))) {
    if (name === except || !/^[0-9a-f]{64}$/.test(name)) continue;
    try {
      const { files } = parseManifest(readFileSync(join(releasesDir(home), name, "manifest.json")));
      for (const { path, sha256 } of files) found.set(sha256, join(releasesDir(home), name, path));
    } catch {
      // Only a place to save a download from.
    }
  }
  return found;
}

async function readVerified(path: string, digest: Sha256): Promise<Uint8Array | undefined> {
  const bytes = await readFile(path).catch(() => undefined);
  return bytes !== undefined && sha256(bytes) === digest ? bytes : undefined;
}

function writeNotes(dir: string, release: ReleaseId, manifest: Manifest, commit: string | null): void {
  for (const [name, bytes] of [
    ["manifest.json", canonicalManifest(manifest)],
    ["release.json", Buffer.from(`${JSON.stringify({ release, commit })}\n`)],
  ] as const) {
    if (!holds(join(dir, name), bytes)) writeWhole(join(dir, name), bytes);
  }
}

function holds(path: string, bytes: Uint8Array): boolean {
  return existsSync(path) && readFileSync(path).equals(bytes);
}

/** Read only, and whole at once: whoever reads the path sees the old file or the new one. */
function writeWhole(path: string, bytes: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.new`;
  rmSync(temporary, { recursive: true, force: true });
  writeFileSync(temporary, bytes);
  chmodSync(temporary, 0o444);
  renameSync(temporary, path);
}

/** The paths of all files below a folder, but for what Python keeps beside its sources. */
function filesIn(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory() && !entry.parentPath.endsWith("__pycache__"))
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1));
}

function namesIn(dir: string): string[] {
  return existsSync(dir) ? readdirSync(dir) : [];
}
