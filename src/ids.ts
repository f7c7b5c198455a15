import { createHash } from "node:crypto";
import { UserError } from "./errors.ts";

/** Branded strings: each kind is made in one place, here, by a parser that checks it. */
type Branded<Name extends string> = string & { readonly __brand: Name };

/** 64 lower-case hexadecimal digits. */
export type Sha256 = Branded<"Sha256">;
/** The SHA-256 of a release's canonical manifest. */
export type ReleaseId = Branded<"ReleaseId">;
/** A DAG's name: a letter or underscore, then letters, digits, underscores; at most 200 characters. */
export type DagId = Branded<"DagId">;
/** A task's name within its DAG, of the same form. */
export type TaskId = Branded<"TaskId">;

const HEX = /^[0-9a-f]{64}$/;
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,199}$/;

export function sha256(data: string | Uint8Array): Sha256 {
  return createHash("sha256").update(data).digest("hex") as Sha256;
}

export function parseSha256(text: string): Sha256 {
  if (!HEX.test(text)) throw new UserError(`not a SHA-256 digest: ${JSON.stringify(text.slice(0, 80))}`);
  return text as Sha256;
}

export function parseReleaseId(text: string): ReleaseId {
  if (!HEX.test(text)) {
    throw new UserError(`not a release id: ${JSON.stringify(text.slice(0, 80))}`, { hint: "A release id is 64 hexadecimal digits." });
  }
  return text as ReleaseId;
}

export function isReleaseId(text: string): text is ReleaseId {
  return HEX.test(text);
}

export function isDagId(text: string): text is DagId {
  return NAME.test(text);
}

export function parseDagId(text: string): DagId {
  if (!NAME.test(text)) throw new UserError(`not a DAG id: ${JSON.stringify(text.slice(0, 80))}`);
  return text as DagId;
}

export function parseTaskId(text: string): TaskId {
  if (!NAME.test(text)) throw new UserError(`not a task id: ${JSON.stringify(text.slice(0, 80))}`);
  return text as TaskId;
}

/** The first 12 digits, for people. */
export function shortId(id: ReleaseId): string {
  return id.slice(0, 12);
}
