import { type Definition, parseDefinition } from "../release/definition.ts";
import type { ManifestFile } from "../release/manifest.ts";
import { isPlanFile, type ReleaseContents } from "./contents.ts";

/** Two releases side by side, with what is asked of them again and again kept. */
export interface Comparison {
  readonly base: ReleaseContents | null;
  readonly next: ReleaseContents;
  /** The file in each, by path; undefined: not there. */
  file(side: Side, path: string): ManifestFile | undefined;
  /** Whether a path has the same bytes in both, or is in neither. */
  same(path: string): boolean;
  text(side: Side, path: string): string | undefined;
  /** A DAG's definition; undefined when the release has none that can be read. */
  definition(side: Side, dag: string): Definition | undefined;
  readonly dags: Readonly<Record<Side, readonly string[]>>;
}

export type Side = "base" | "next";

export function compare(base: ReleaseContents | null, next: ReleaseContents): Comparison {
  const files = { base: byPath(base), next: byPath(next) };
  const definitions = { base: new Map<string, Definition | undefined>(), next: new Map<string, Definition | undefined>() };
  const same = (path: string): boolean => files.base.get(path)?.sha256 === files.next.get(path)?.sha256;
  const text = (side: Side, path: string): string | undefined => {
    const file = files[side].get(path);
    if (file === undefined || !isPlanFile(file)) return undefined;
    return (side === "base" ? base : next)?.text(path);
  };
  const definition = (side: Side, dag: string): Definition | undefined => {
    const path = `definitions/${dag}.json`;
    if (side === "base" && files.base.has(path) && same(path)) return definition("next", dag);
    if (!definitions[side].has(dag)) definitions[side].set(dag, read(text(side, path), dag));
    return definitions[side].get(dag);
  };
  const dags = { base: Object.keys(base?.manifest.dags ?? {}).sort(), next: Object.keys(next.manifest.dags).sort() };
  return { base, next, file: (side, path) => files[side].get(path), same, text, definition, dags };
}

function byPath(contents: ReleaseContents | null): Map<string, ManifestFile> {
  return new Map((contents?.manifest.files ?? []).map((file) => [file.path, file]));
}

/** One that is of another version, or was altered, is as good as none: the plan then says that it does not know. */
function read(text: string | undefined, dag: string): Definition | undefined {
  if (text === undefined) return undefined;
  try {
    const definition = parseDefinition(text);
    return definition.dag === dag ? definition : undefined;
  } catch {
    return undefined;
  }
}
