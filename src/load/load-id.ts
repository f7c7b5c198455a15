import { sha256 } from "../ids.ts";
import type { LoadRequest } from "./request.ts";

/** Names what a load's rows are: the slice, or the run. A later load of the same name replaces them. 32 hexadecimal digits. */
export function loadIdOf(request: Pick<LoadRequest, "table" | "mode" | "dag" | "task" | "runId" | "mapIndex">): string {
  const { table, mode, dag, task, runId, mapIndex } = request;
  const slice = sliceOf(mode);
  const name = slice === null ? ["run", table, dag, task, runId, mapIndex] : ["slice", table, slice];
  return sha256(JSON.stringify(name)).slice(0, 32);
}

export function sliceOf(mode: LoadRequest["mode"]): string | null {
  return mode.kind === "append" ? mode.slice : null;
}

/** A number for PostgreSQL's advisory locks, as text: they take a signed 64-bit one. */
export function lockNumber(...name: readonly string[]): string {
  return BigInt.asIntN(64, BigInt(`0x${sha256(JSON.stringify(["dagline", ...name])).slice(0, 16)}`)).toString();
}
