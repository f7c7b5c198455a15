import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import { isReleaseId, type ReleaseId } from "../ids.ts";
import { readJson, writeJson } from "./folder.ts";

/** A release that Airflow is told to serve. */
export interface Active {
  readonly release: ReleaseId;
  /** The release that was active before. */
  readonly previous: ReleaseId | null;
  readonly commit: string | null;
  /** ISO 8601, UTC. */
  readonly activated_at: string;
}

/**
 * Where the host stands, as `active.json` says: one file, so that a kill leaves one state or the next and never a mixture.
 *
 * - A release becomes `proven` only by the proof that Airflow serves it.
 * - `from` is what a failed switch goes back to: the release that was proven last. It stays until a release is proven again, be it that one.
 * - Nothing else is gone back to, and the bucket's pointer is moved back only while its release is `proven` here.
 */
export type Standing =
  | { readonly kind: "empty" }
  | { readonly kind: "proven"; readonly active: Active }
  | { readonly kind: "switching"; readonly active: Active; readonly from: Active | null };

export function readStanding(home: string): Standing {
  const file = activeFile(home);
  const value = readJson(file);
  if (value === undefined) return { kind: "empty" };
  const active = checkActive(value, file);
  const { proven, from } = value as { proven?: unknown; from?: unknown };
  if (proven === true) return { kind: "proven", active };
  if (proven === false) return { kind: "switching", active, from: from === null ? null : checkActive(from, file) };
  return { kind: "switching", active, from: fromOfEarlierAgent(home, active) };
}

export function writeStanding(home: string, standing: Standing): void {
  const file = activeFile(home);
  if (standing.kind === "empty") rmSync(file, { force: true });
  else if (standing.kind === "proven") writeJson(file, { ...standing.active, proven: true });
  else writeJson(file, { ...standing.active, proven: false, from: standing.from });
  rmSync(switchingFile(home), { force: true });
}

/** Which release Airflow is told to serve, proven or not; undefined before the first. */
export function readActive(home: string): Active | undefined {
  const standing = readStanding(home);
  return standing.kind === "empty" ? undefined : standing.active;
}

/** What a reload that fails goes back to; undefined when no release was ever proven. */
export function lastProven(standing: Standing): Active | undefined {
  if (standing.kind === "empty") return undefined;
  return standing.kind === "proven" ? standing.active : (standing.from ?? undefined);
}

/**
 * Agents of earlier versions noted in `switching.json` where to go back to, and removed it although going back had failed. So without it
 * nobody knows whether the active release was proven: it is proven anew before anything relies on it.
 */
function fromOfEarlierAgent(home: string, active: Active): Active | null {
  const file = switchingFile(home);
  if (!existsSync(file)) return active;
  const { from } = (readJson(file) ?? {}) as { from?: unknown };
  return from === null ? null : checkActive(from, file);
}

function checkActive(value: unknown, file: string): Active {
  const { release, previous, commit, activated_at } = (value ?? {}) as Record<string, unknown>;
  if (!isId(release) || (previous !== null && !isId(previous))) {
    throw new UserError(`${file} does not name a release`, { hint: "It was altered by hand: remove it and reload." });
  }
  return { release, previous, commit: typeof commit === "string" ? commit : null, activated_at: String(activated_at) };
}

function isId(value: unknown): value is ReleaseId {
  return typeof value === "string" && isReleaseId(value);
}

function activeFile(home: string): string {
  return join(home, "active.json");
}

function switchingFile(home: string): string {
  return join(home, "switching.json");
}
