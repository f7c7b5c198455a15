import { posix } from "node:path";
import type { Comparison, Side } from "./compare.ts";
import type { CodePlan } from "./model.ts";

/** The bundles of functions that differ, with the source files that make the difference, by what their source maps hold. */
export function codeChanges(comparison: Comparison): CodePlan[] {
  const users = { base: bundlesOf(comparison, "base"), next: bundlesOf(comparison, "next") };
  const bundles = [...new Set([...users.base.keys(), ...users.next.keys()])].sort();
  return bundles.flatMap((bundle): CodePlan[] => {
    if (comparison.same(bundle)) return [];
    const dags = users.next.get(bundle) ?? users.base.get(bundle) ?? [];
    if (comparison.file("base", bundle) === undefined) return [{ bundle, change: "added", dags, because: null }];
    if (comparison.file("next", bundle) === undefined) return [{ bundle, change: "removed", dags, because: null }];
    return [{ bundle, change: "changed", dags, because: because(comparison, bundle) }];
  });
}

/** By bundle, the DAGs that call it; of a release without definitions, no bundle is known. */
function bundlesOf(comparison: Comparison, side: Side): Map<string, string[]> {
  const bundles = new Map<string, string[]>();
  for (const dag of comparison.dags[side]) {
    const bundle = comparison.definition(side, dag)?.functions;
    if (bundle != null) bundles.set(bundle, [...(bundles.get(bundle) ?? []), dag]);
  }
  return bundles;
}

function because(comparison: Comparison, bundle: string): string[] | null {
  const [old, now] = [sourcesOf(comparison, "base", bundle), sourcesOf(comparison, "next", bundle)];
  if (old === null || now === null) return null;
  const names = [...new Set([...old.keys(), ...now.keys()])].filter((name) => old.get(name) !== now.get(name));
  return [...new Set(names.map(shortName))].sort();
}

/** Text by source file, of the bundle and of the chunks that it imports; null when a part or its map is not to be read. */
function sourcesOf(comparison: Comparison, side: Side, bundle: string): Map<string, string> | null {
  const sources = new Map<string, string>();
  const seen = new Set([bundle]);
  for (const path of seen) {
    const code = comparison.text(side, path);
    const map = readMap(comparison.text(side, `${path}.map`));
    if (code === undefined || map === null) return null;
    map.sources.forEach((source, index) => {
      sources.set(posix.join(posix.dirname(path), source), map.sourcesContent[index] ?? "");
    });
    for (const match of code.matchAll(/(?:from|import|import\()\s*"(\.{1,2}\/[^"\n]+\.mjs)"/g)) {
      const part = posix.join(posix.dirname(path), match[1] ?? "");
      // A text in the code may look like an import: only files of the release are followed.
      if (comparison.file(side, part) !== undefined) seen.add(part);
    }
  }
  return sources;
}

function readMap(text: string | undefined): { sources: readonly string[]; sourcesContent: readonly (string | null)[] } | null {
  if (text === undefined) return null;
  try {
    const { sources, sourcesContent } = JSON.parse(text) as { sources?: unknown; sourcesContent?: unknown };
    return isTexts(sources) && isTexts(sourcesContent) ? { sources, sourcesContent } : null;
  } catch {
    return null; // the plan says that it does not know
  }
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

/** A package by its name, however many of its files changed; dagline's own module as scrapes import it. */
function shortName(source: string): string {
  const inPackage = /^.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(source)?.[1];
  if (inPackage !== undefined) return `package ${inPackage}`;
  return source.endsWith("dagline:api") ? "dagline" : source;
}
