import { sha256 } from "../ids.ts";
import type { LoadRequest } from "./request.ts";

type Named = Pick<LoadRequest, "table" | "mode" | "dag" | "task" | "runId" | "mapIndex">;

type Spec = Pick<LoadRequest, "table" | "mode" | "sliceTemplate" | "fields" | "maxBadRows">;

/** Names what a load's rows are: the slice, or the run. A later load of the same name replaces them. 32 hexadecimal digits. */
export function loadIdOf(request: Named): string {
  const slice = sliceOf(request.mode);
  return slice === null ? idOfRun(request, request) : idOfSlice(request.table, slice);
}

/** The names that the rows of this run may have from before its task or slice was renamed; `adopts` says which. */
export function adoptedIds(request: Named & Pick<LoadRequest, "adopts">): string[] {
  const { tasks, slices } = request.adopts;
  return [...tasks.map((owner) => idOfRun(request, owner)), ...slices.map((slice) => idOfSlice(request.table, slice))];
}

export function sliceOf(mode: LoadRequest["mode"]): string | null {
  return mode.kind === "append" ? mode.slice : null;
}

/** What a load does with its rows, as a digest; with another one, the same file may lead to other rows. */
export function specDigest({ table, mode, sliceTemplate, fields, maxBadRows }: Spec): string {
  const columns = fields.map(({ name, type }) => [name, type]);
  return sha256(JSON.stringify([table, mode, sliceTemplate, columns, maxBadRows]));
}

/** A number for PostgreSQL's advisory locks, as text: they take a signed 64-bit one. */
export function lockNumber(...name: readonly string[]): string {
  return BigInt.asIntN(64, BigInt(`0x${sha256(JSON.stringify(["dagline", ...name])).slice(0, 16)}`)).toString();
}

function idOfRun({ table, runId, mapIndex }: Named, { dag, task }: { readonly dag: string; readonly task: string }): string {
  return digest(["run", table, dag, task, runId, mapIndex]);
}

function idOfSlice(table: string, slice: string): string {
  return digest(["slice", table, slice]);
}

function digest(name: readonly (string | number)[]): string {
  return sha256(JSON.stringify(name)).slice(0, 32);
}
