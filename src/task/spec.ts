import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import type { Adoption, FieldType, JsonValue, WriteMode } from "../scrape/model.ts";

/** `specs/DAG_ID.json` of a release, which src/release renders. A release is verified by its digests, so its form is trusted. */
export interface DagSpec {
  readonly dag: string;
  /** Its folder's name under `scrapes/`. */
  readonly scrape: string;
  readonly url: string | null;
  /** Paths in the release. */
  readonly functions: string | null;
  readonly config: string | null;
  /** The params whose months the DAG is mapped over. */
  readonly each_month: { readonly from: string; readonly to: string } | null;
  readonly timezone: string;
  readonly tasks: Readonly<Record<string, TaskSpec>>;
}

export type TaskSpec = FunctionSpec | LoadSpec;

export interface FunctionSpec {
  readonly kind: "extract" | "transform";
  readonly callable: string;
  readonly extension: string;
  readonly params: Readonly<Record<string, JsonValue>>;
  readonly dependencies: readonly string[];
  /** The loads that must have taken the very same rows before the task is skipped; empty without the comparison check. */
  readonly compare_with: readonly string[];
  /** An extract's, when set: how long after the end of the data interval the operator has it asked again. */
  readonly wait_seconds?: number;
}

export interface LoadSpec {
  readonly kind: "load";
  readonly table: string;
  readonly mode: WriteMode;
  readonly params: Readonly<Record<string, JsonValue>>;
  readonly max_bad_rows: number;
  readonly fields: readonly { readonly name: string; readonly type: FieldType }[];
  readonly dependencies: readonly string[];
  /** The tasks above that compare: the ledger records which of their rows the load took. */
  readonly confirms: readonly string[];
  /** Whose rows it takes over; left out where it is nobody's. */
  readonly adopts?: readonly Adoption[];
}

/** Reads one task's part of a release. Throws a UserError when the release has no such task. */
export async function readSpec(releaseDir: string, dag: string, task: string): Promise<{ dag: DagSpec; task: TaskSpec }> {
  const path = join(releaseDir, "specs", `${dag}.json`);
  const spec = JSON.parse(await readFile(path, "utf8")) as DagSpec;
  const found = Object.hasOwn(spec.tasks, task) ? spec.tasks[task] : undefined;
  if (found === undefined) {
    throw new UserError(`the release has no task ${task} in the DAG ${dag}`, {
      hint: "The run belongs to another release; clear the run on the latest version.",
    });
  }
  return { dag: spec, task: found };
}
