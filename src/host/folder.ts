import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { UserError } from "../errors.ts";
import type { ReleaseId } from "../ids.ts";

/** Where things stand in the host's folder: docs/architecture.md, "The host's folder". */
export function releasesDir(home: string): string {
  return join(home, "releases");
}

export function releaseDir(home: string, id: ReleaseId): string {
  return join(releasesDir(home), id);
}

/** Undefined when there is no such file. Throws a UserError when it is not JSON. */
export function readJson(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(`${file} is not JSON`, { hint: "It was altered by hand: remove it and reload.", cause: error });
  }
}

/** Atomic: a reader sees the old content or the new one, also after a crash. */
export function writeJson(file: string, value: unknown): void {
  const temporary = `${file}.new`;
  mkdirSync(dirname(file), { recursive: true });
  const descriptor = openSync(temporary, "w");
  try {
    writeSync(descriptor, `${JSON.stringify(value)}\n`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, file);
  syncFolder(dirname(file));
}

/** Without it, a rename may be lost in a power cut. */
function syncFolder(dir: string): void {
  const descriptor = openSync(dir, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
