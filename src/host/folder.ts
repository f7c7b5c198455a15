import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { UserError } from "../errors.ts";
import { parseReleaseId, type ReleaseId } from "../ids.ts";

/** Where things stand in the host's folder: docs/architecture.md, "The host's folder". */

/** What `active.json` says. */
export interface Active {
  readonly release: ReleaseId;
  /** The release that was active before. */
  readonly previous: ReleaseId | null;
  readonly commit: string | null;
  /** ISO 8601, UTC. */
  readonly activated_at: string;
}

export function releasesDir(home: string): string {
  return join(home, "releases");
}

export function releaseDir(home: string, id: ReleaseId): string {
  return join(releasesDir(home), id);
}

/** Which release Airflow is to serve; undefined before the first. */
export function readActive(home: string): Active | undefined {
  const value = readJson(join(home, "active.json"));
  return value === undefined ? undefined : checkActive(value, join(home, "active.json"));
}

/** Switches what Airflow serves, or with undefined to nothing. Atomic: a reader sees the old one or the new one, also after a crash. */
export function writeActive(home: string, active: Active | undefined): void {
  writeOrRemove(join(home, "active.json"), active);
}

/**
 * A switch that has not been proven: which release was active before it. It is written before the switch and removed once the new release
 * is proven or undone, so that an agent that was killed between the two leaves a note of where to go back to.
 */
export interface Switching {
  readonly from: Active | null;
}

export function readSwitching(home: string): Switching | undefined {
  const file = join(home, "switching.json");
  const value = readJson(file) as { from?: unknown } | undefined;
  if (value === undefined) return undefined;
  return { from: value.from === null ? null : checkActive(value.from, file) };
}

export function writeSwitching(home: string, switching: Switching | undefined): void {
  writeOrRemove(join(home, "switching.json"), switching);
}

function checkActive(value: unknown, file: string): Active {
  const { release, previous, commit, activated_at } = (value ?? {}) as Record<string, unknown>;
  if (typeof release !== "string" || (previous !== null && typeof previous !== "string")) {
    throw new UserError(`${file} does not name a release`, { hint: "It was altered by hand: remove it and reload." });
  }
  return {
    release: parseReleaseId(release),
    previous: previous === null ? null : parseReleaseId(previous),
    commit: typeof commit === "string" ? commit : null,
    activated_at: String(activated_at),
  };
}

function readJson(file: string): unknown {
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

function writeOrRemove(file: string, value: unknown): void {
  if (value === undefined) rmSync(file, { force: true });
  else {
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
  }
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
