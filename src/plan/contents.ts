import { readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import { type ReleaseId, sha256 } from "../ids.ts";
import type { Release } from "../release/build-release.ts";
import { type Manifest, parseManifest, releaseIdOf } from "../release/manifest.ts";

/** What a plan reads of a release, wherever it is. */
export interface ReleaseContents {
  readonly id: ReleaseId;
  readonly commit: string | null;
  readonly manifest: Manifest;
  /** A file's text by its path in the release; undefined when it is not there or could not be read. */
  text(path: string): string | undefined;
}

/** Of a release that was just rendered. */
export function contentsOfRelease(release: Release, commit: string | null): ReleaseContents {
  return {
    id: release.id,
    commit,
    manifest: release.manifest,
    text: (path) => {
      const bytes = release.files.get(path);
      return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
    },
  };
}

/** Of a folder that `dagline render --out` wrote. Files are read when asked for; throws a UserError for a folder without a release, and for an altered file. */
export function readFolder(dir: string, commit: string | null = null): ReleaseContents {
  const manifestBytes = readManifest(dir);
  const manifest = parseManifest(manifestBytes);
  const digests = new Map(manifest.files.map((file) => [file.path, file.sha256]));
  const text = (path: string): string | undefined => {
    const digest = digests.get(path);
    if (digest === undefined) return undefined;
    const bytes = readOrNothing(join(dir, path));
    if (bytes === undefined || sha256(bytes) !== digest) {
      throw new UserError(`${join(dir, path)} is not the file that the release's manifest names`, {
        hint: "Render the release again: `dagline render --out`.",
      });
    }
    return bytes.toString("utf8");
  };
  return { id: releaseIdOf(manifestBytes), commit, manifest, text };
}

function readManifest(dir: string): Buffer {
  const bytes = readOrNothing(join(dir, "manifest.json"));
  if (bytes !== undefined) return bytes;
  throw new UserError(`${dir} holds no release`, { hint: "Name a folder that `dagline render --out` wrote, `bucket`, or `none`." });
}

function readOrNothing(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined; // not there, or not a file: the caller says what that means
  }
}

/** Beyond this many bytes a configuration is not compared value by value. */
const SMALL_CONFIG = 64_000;

/** Whether a plan may ask for this file of a release. */
export function isPlanFile({ path, size }: { readonly path: string; readonly size: number }): boolean {
  if (path.startsWith("configs/")) return size <= SMALL_CONFIG;
  return /^(?:dags|definitions)\//.test(path) || /^functions\/.*\.mjs(?:\.map)?$/.test(path);
}
