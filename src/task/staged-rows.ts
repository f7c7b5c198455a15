import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import type { LoadFile } from "../load/request.ts";
import type { Field } from "../scrape/model.ts";
import { fetchStaged } from "./fetch-staged.ts";
import { parseStagedKey, type StagedReference } from "./staged-file.ts";
import type { Staging, TableReader } from "./staging.ts";

interface Services {
  readonly staging: Staging;
  readonly tables: () => Promise<TableReader>;
  /** For a file that can't be read as it arrives. */
  readonly dir: string;
  readonly signal: AbortSignal;
}

/** A staged file as a load reads it: CSV as it arrives, any other table once it is here, whole and verified. */
export function stagedRows(reference: StagedReference, fields: readonly Field[], services: Services): LoadFile {
  const { key, sha256, rows } = reference;
  const { extension } = parseStagedKey(key);
  const file = { key, sha256, rows };
  if (extension === "csv") return { ...file, open: () => openStaged(reference, services.staging) };
  let arrived: Promise<string> | undefined;
  const open: LoadFile["open"] = async () => {
    arrived ??= fetchTo(join(services.dir, "tables"), reference, services);
    const path = await arrived;
    return (await services.tables()).asCsv({ path, extension, name: key, fields, temporary: join(services.dir, "duckdb") });
  };
  return { ...file, isVerified: true, firstLine: 1, open };
}

async function openStaged({ key, task }: StagedReference, staging: Staging) {
  const found = await staging.download(key);
  if (found === undefined)
    throw new UserError(`the staged file ${key} is gone`, { hint: `Clear the task ${task}, so that it stages it again.` });
  return found.body;
}

async function fetchTo(folder: string, reference: StagedReference, { staging, signal }: Services): Promise<string> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, createHash("sha256").update(reference.key).digest("hex"));
  await fetchStaged(reference, staging, path, signal);
  return path;
}
