import { sha256 } from "../ids.ts";
import { blobKey } from "../release/layout.ts";
import type { Manifest, ManifestFile } from "../release/manifest.ts";
import { forEachLimited } from "./for-each-limited.ts";
import type { ObjectStore } from "./object-store.ts";

export interface DamagedFile {
  readonly file: ManifestFile;
  /** In words, beginning with the path. */
  readonly message: string;
}

/**
 * Which of a manifest's files are missing from the bucket or are not what the manifest says, sorted by path. One HEAD a file: S3 keeps
 * the checksum that it verified when the object was written; only an object that was written without one is read.
 */
export async function damagedFiles(store: ObjectStore, manifest: Manifest): Promise<DamagedFile[]> {
  const damaged: DamagedFile[] = [];
  await forEachLimited(16, manifest.files, async (file) => {
    const problem = await problemOf(store, file);
    if (problem !== undefined) damaged.push({ file, message: `${file.path} ${problem}` });
  });
  return damaged.sort((a, b) => (a.file.path < b.file.path ? -1 : 1));
}

async function problemOf(store: ObjectStore, { sha256: expected, size }: ManifestFile): Promise<string | undefined> {
  const head = await store.head(blobKey(expected));
  if (head === undefined) return "is missing";
  if (head.size !== size) return `has ${head.size} bytes instead of ${size}`;
  const digest = head.sha256 ?? (await digestOf(store, expected));
  return digest === expected ? undefined : "has other contents than its name says";
}

async function digestOf(store: ObjectStore, expected: ManifestFile["sha256"]): Promise<string | undefined> {
  const object = await store.get(blobKey(expected));
  return object === undefined ? undefined : sha256(object.body);
}
