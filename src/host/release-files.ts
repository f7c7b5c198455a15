import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, type Stats, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { forEachLimited } from "../deploy/for-each-limited.ts";
import { type Sha256, sha256 } from "../ids.ts";
import type { Manifest, ManifestFile } from "../release/manifest.ts";

export type FetchFile = (file: ManifestFile) => Promise<Uint8Array>;

/** What a release's folder holds beside the release's own files. */
const notes = ["release.json", "manifest.json"];
const READ_ONLY = 0o444;
const OWNER_ALL = 0o700;

/**
 * Makes an installed release's folder hold its files and nothing else: regular files in real folders, no link, none that can be written.
 * Works file by file, so that the tasks that run from it miss none that is good, and one that was stopped half-way is continued by the next.
 * Returns the paths that had to be changed.
 */
export async function mendFiles(dir: string, manifest: Manifest, fetchFile: FetchFile): Promise<string[]> {
  const { strangers, modes } = look(dir, manifest);
  // A file that nobody deployed could be a DAG, and what is behind a link is not the release's.
  for (const path of strangers) rmSync(join(dir, path), { recursive: true, force: true });
  for (const [path, mode] of modes) chmodSync(join(dir, path), mode);
  const damaged: ManifestFile[] = [];
  await forEachLimited(16, manifest.files, async (file) => {
    if ((await readVerified(join(dir, file.path), file.sha256)) === undefined) damaged.push(file);
  });
  await forEachLimited(16, damaged, async (file) => writeWhole(join(dir, file.path), await fetchFile(file)));
  return [...new Set([...damaged.map((file) => file.path), ...strangers, ...modes.keys()])].sort();
}

/** The bytes of a regular file that has this digest; undefined for anything else. */
export async function readVerified(path: string, digest: Sha256): Promise<Uint8Array | undefined> {
  const bytes = statOf(path)?.isFile() ? await readFile(path).catch(() => undefined) : undefined;
  return bytes !== undefined && sha256(bytes) === digest ? bytes : undefined;
}

/** Whether a regular file has these very bytes. */
export function holds(path: string, bytes: Uint8Array): boolean {
  return statOf(path)?.isFile() === true && readFileSync(path).equals(bytes);
}

/** Read only, and whole at once: whoever reads the path sees the old file or the new one. */
export function writeWhole(path: string, bytes: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.new`;
  try {
    rmSync(temporary, { recursive: true, force: true });
    writeFileSync(temporary, bytes);
    chmodSync(temporary, READ_ONLY);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    throw error;
  }
}

/** Of the path itself, not of what a link at its end names; undefined where nothing is. */
export function statOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

interface Findings {
  /** What does not belong there, a thing of another kind in a file's or a folder's place included. */
  readonly strangers: readonly string[];
  /** Files that can be written, folders that their owner can't use; with the mode that each should have. */
  readonly modes: ReadonlyMap<string, number>;
}

function look(dir: string, manifest: Manifest): Findings {
  const files = new Set([...manifest.files.map((file) => file.path), ...notes]);
  const folders = new Set([...files].flatMap(foldersOf));
  const strangers: string[] = [];
  const modes = new Map<string, number>();
  const visit = (folder: string): void => {
    for (const name of readdirSync(join(dir, folder))) {
      if (name === "__pycache__") continue; // Python keeps it beside its sources
      const path = join(folder, name);
      const stat = statOf(join(dir, path));
      if (stat === undefined) continue;
      if (!(files.has(path) ? stat.isFile() : folders.has(path) && stat.isDirectory())) strangers.push(path);
      else if (stat.isFile()) {
        if ((stat.mode & 0o777) !== READ_ONLY) modes.set(path, READ_ONLY);
      } else {
        if ((stat.mode & OWNER_ALL) !== OWNER_ALL) modes.set(path, 0o755);
        visit(path);
      }
    }
  };
  visit("");
  return { strangers, modes };
}

function foldersOf(path: string): string[] {
  const folder = dirname(path);
  return folder === "." ? [] : [folder, ...foldersOf(folder)];
}
