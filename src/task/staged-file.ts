import { UserError } from "../errors.ts";
import { parseSha256, type Sha256, sha256 } from "../ids.ts";

/** What names a staged file; the key carries it, here is its one printer and parser. docs/architecture.md, "Staged files". */
export interface StagedFileName {
  readonly dag: string;
  readonly task: string;
  /** 16 hexadecimal digits that stand for one run and map index. */
  readonly run: string;
  /** `YYYYMMDDTHHMMSSZ`. */
  readonly timestamp: string;
  /** The first 16 hexadecimal digits of the content's SHA-256; null in keys of before they had it. */
  readonly content: string | null;
  readonly extension: string;
}

/** A staged file as a downstream task is told of it, through XCom. */
export interface StagedReference {
  readonly task: string;
  readonly key: string;
  readonly sha256: Sha256;
  /** In bytes. */
  readonly size: number;
  /** null when the file is no table. */
  readonly rows: number | null;
  /** Equal for the same rows in any order; null when the file is no table or no task compares it. */
  readonly rows_digest: string | null;
}

/** The name of a task's output: another content has another one, so that what a reference names stays as it was; another run never has the same. */
export function nameStagedFile(run: {
  dag: string;
  task: string;
  run_id: string;
  map_index: number;
  logical_date: string | null;
  run_after: string;
  sha256: Sha256;
  extension: string;
}): StagedFileName {
  const instant = new Date(run.logical_date ?? run.run_after);
  return {
    dag: run.dag,
    task: run.task,
    run: sha256(JSON.stringify([run.run_id, run.map_index])).slice(0, 16),
    timestamp: instant.toISOString().replace(/[-:]|\.\d+/g, ""),
    content: run.sha256.slice(0, 16),
    extension: run.extension,
  };
}

export function printStagedKey({ dag, task, run, timestamp, content, extension }: StagedFileName): string {
  return `staging/${dag}/${task}/${run}/${dag}_${task}_${timestamp}${content === null ? "" : `_${content}`}.${extension}`;
}

/** Reads a key that `printStagedKey` made. Throws a UserError for any other. */
export function parseStagedKey(key: string): StagedFileName {
  const match = /^staging\/([^/]+)\/([^/]+)\/([0-9a-f]{16})\/(.+)_(\d{8}T\d{6}Z)(?:_([0-9a-f]{16}))?\.([A-Za-z0-9.]+)$/.exec(key);
  const [, dag = "", task = "", run = "", stem = "", timestamp = "", content = null, extension = ""] = match ?? [];
  if (match === null || stem !== `${dag}_${task}`)
    throw new UserError(`not the key of a staged file: ${JSON.stringify(key.slice(0, 200))}`);
  return { dag, task, run, timestamp, content, extension };
}

/** Reads a reference that came through XCom. */
export function parseStagedReference(value: unknown): StagedReference {
  const { task, key, sha256: digest, size, rows, rows_digest } = (value ?? {}) as Record<string, unknown>;
  if (typeof task !== "string" || typeof key !== "string" || typeof digest !== "string" || typeof size !== "number") {
    throw new UserError("an upstream task left no reference to a staged file", { hint: "Clear that task, so that it runs again." });
  }
  if (parseStagedKey(key).task !== task) throw new UserError(`the reference to ${key} says that it is of the task ${JSON.stringify(task)}`);
  return {
    task,
    key,
    sha256: parseSha256(digest),
    size,
    rows: typeof rows === "number" ? rows : null,
    rows_digest: typeof rows_digest === "string" ? rows_digest : null,
  };
}
