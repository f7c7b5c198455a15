import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { UserError } from "../errors.ts";
import type { Release } from "./build-release.ts";
import { parseManifest } from "./manifest.ts";

/**
 * Writes a release's files and its `manifest.json` to a folder that is new, empty or holds an earlier release.
 * Files that are the same already stay untouched, those that the release does not have are removed. Throws a UserError for any other folder.
 */
export function writeRelease(release: Release, dir: string): void {
  mkdirSync(dir, { recursive: true });
  for (const path of earlierFiles(dir)) {
    if (!release.files.has(path)) rmSync(join(dir, path), { force: true });
  }
  // Before the files, so that a write that was interrupted leaves none that the next one does not know.
  writeFileSync(join(dir, "manifest.json"), release.manifestBytes);
  for (const [path, bytes] of release.files) {
    const target = join(dir, path);
    if (!holds(target, bytes)) writeNew(target, bytes);
  }
}

/** The files of the release that is in the folder: only what a manifest lists is ever removed. */
function earlierFiles(dir: string): string[] {
  if (readdirSync(dir).length === 0) return [];
  try {
    return parseManifest(readFileSync(join(dir, "manifest.json"))).files.map((file) => file.path);
  } catch (error) {
    throw new UserError(`${dir} holds other files than a release`, { hint: "Name an empty or a new folder.", cause: error });
  }
}

function holds(target: string, bytes: Uint8Array): boolean {
  try {
    return readFileSync(target).equals(bytes);
  } catch {
    return false; // not there, or not a file: writing it tells
  }
}

function writeNew(target: string, bytes: Uint8Array): void {
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, bytes);
}
