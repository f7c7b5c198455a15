import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { UserError } from "../errors.ts";
import { HashingStream } from "./hashing.ts";
import type { StagedReference } from "./staged-file.ts";
import type { Staging } from "./staging.ts";

/** Downloads a staged file to `path`. Throws UserError, with the task to clear, when it is gone or is not the one that was staged. */
export async function fetchStaged(reference: StagedReference, staging: Staging, path: string, signal: AbortSignal): Promise<void> {
  const found = await staging.download(reference.key);
  const hint = `Clear the task ${reference.task}, so that it stages it again.`;
  if (found === undefined) throw new UserError(`the staged file ${reference.key} is gone`, { hint });
  const hashing = new HashingStream();
  await pipeline(found.body, hashing, createWriteStream(path), { signal });
  if (hashing.digest() !== reference.sha256) {
    throw new UserError(`the staged file ${reference.key} is not the one that ${reference.task} wrote`, { hint });
  }
}
