import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
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
import { type FetchFile, holds, mendFiles, readVerified, statOf, writeWhole } from "./release-files.ts";

export interface Installed {
  readonly manifest: Manifest;
  readonly commit: string | null;
  /** The paths that had to be written: all of a new release, those that were damaged of an installed one. */
  readonly written: readonly string[];
}

type Machine = Pick<Host, "home" | "store" | "log">;

/**
 * Makes `releases/<id>` hold exactly the release, every digest verified. A new one is put together beside it and renamed, so that it is there
 * whole or not at all; a damaged one is mended file by file.
 * Files are not flushed to the disk one by one: each reload verifies them all, so what a power cut loses is found and mended.
 * Throws a UserError that names the file when a blob is missing or was altered, or when the release needs another version of the host package.
 */
export async function installRelease(host: Machine, id: ReleaseId): Promise<Installed> {
  return alone(host, () => install(host, id, checkHostPackage));
}

/** As `installRelease`, for a release that this host was proven to serve: it did so with the host package that is installed, or with an earlier one. */
export async function restoreRelease(host: Machine, id: ReleaseId): Promise<Installed> {
  const check: Check = (_id, { host_package: needed }) => {
    if (needed === hostPackageVersion) return;
    host.log.warn(`release ${shortId(id)} was made for version ${needed} of the host package, not ${hostPackageVersion}: deploy once more`);
  };
  return alone(host, () => install(host, id, check));
}

async function alone(host: Machine, work: () => Promise<Installed>): Promise<Installed> {
  const waiting = (): void => host.log.info("another agent is fetching: waiting for it");
  return withLock(join(host.home, "install.db"), { timeoutSeconds: 600, waiting }, async () => {
    removePartials(host.home);
    return work();
  });
}

type Check = (id: ReleaseId, manifest: Manifest) => void;

async function install(host: Machine, id: ReleaseId, check: Check): Promise<Installed> {
  const { home, store, log } = host;
  const { manifest, commit } = (await installedRelease(home, id)) ?? (await readRelease(store, id));
  check(id, manifest);
  const dir = releaseDir(home, id);
  const fetchFile = fileSource(store, installedFiles(home, id));
  if (statOf(dir)?.isDirectory()) {
    const written = await mendFiles(dir, manifest, fetchFile);
    writeNotes(dir, id, manifest, commit);
    return { manifest, commit, written };
  }
  log.info(`fetching release ${shortId(id)}`);
  const partial = join(releasesDir(home), `.${id}.partial`);
  try {
    await forEachLimited(16, manifest.files, async (file) => writeWhole(join(partial, file.path), await fetchFile(file)));
    writeNotes(partial, id, manifest, commit);
    log.info("fetched");
    rmSync(dir, { recursive: true, force: true }); // a file or a link in the folder's place
    renameSync(partial, dir);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true }); // on a full disk, it would keep it full
    throw error;
  }
  return { manifest, commit, written: manifest.files.map((file) => file.path) };
}

function checkHostPackage(id: ReleaseId, { host_package: needed }: Manifest): void {
  if (needed === hostPackageVersion) return;
  throw new UserError(
    `release ${shortId(id)} needs version ${needed} of dagline's host package, and this host has version ${hostPackageVersion}`,
    {
      hint:
        Number(needed) > Number(hostPackageVersion)
          ? "Bring the host up to that version first (its set-up script does), then reload."
          : "Deploy once more from a checkout of this host's version: what it renders fits.",
    },
  );
}

/** A release that is installed, as its folder says; undefined when there is none, or when what says so was altered: the bucket has it. */
async function installedRelease(home: string, id: ReleaseId): Promise<{ manifest: Manifest; commit: string | null } | undefined> {
  const manifest = installedManifest(home, id);
  if (manifest === undefined) return undefined;
  try {
    const { commit } = JSON.parse(await readFile(join(releaseDir(home, id), "release.json"), "utf8")) as { commit: string | null };
    return { manifest, commit };
  } catch {
    return undefined;
  }
}

/** Removes what an agent that was killed left half-done. */
function removePartials(home: string): void {
  for (const name of namesIn(releasesDir(home))) {
    if (name.endsWith(".partial")) rmSync(join(releasesDir(home), name), { recursive: true, force: true });
  }
}

/** What an installed release consists of, as the host's folder says; undefined when that is missing or was altered. */
export function installedManifest(home: string, id: ReleaseId): Manifest | undefined {
  try {
    const bytes = readFileSync(join(releaseDir(home, id), "manifest.json"));
    return releaseIdOf(bytes) === id ? parseManifest(bytes) : undefined;
  } catch {
    return undefined;
  }
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

function writeNotes(dir: string, release: ReleaseId, manifest: Manifest, commit: string | null): void {
  for (const [name, bytes] of [
    ["manifest.json", canonicalManifest(manifest)],
    ["release.json", Buffer.from(`${JSON.stringify({ release, commit })}\n`)],
  ] as const) {
    if (!holds(join(dir, name), bytes)) writeWhole(join(dir, name), bytes);
  }
}

function namesIn(dir: string): string[] {
  return existsSync(dir) ? readdirSync(dir) : [];
}
