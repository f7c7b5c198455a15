import { structuredPatch } from "diff";

/** More lines than this help nobody. */
const LINES = 160;
const CHARACTERS = 12_000;

/** Unified diff of two texts of a rendered DAG, cut when long; null when they are the same, or too different to compare in short time. */
export function pythonDiff(before: string, after: string): string | null {
  const patch = structuredPatch("deployed", "new", before, after, undefined, undefined, { context: 2, maxEditLength: 2000 });
  if (patch === undefined) return null;
  const lines = patch.hunks.flatMap((hunk) => [
    `@@ -${hunk.oldStart},${hunk.oldLines} +${hunk.newStart},${hunk.newLines} @@`,
    ...hunk.lines.map((line) => (line.length > 300 ? `${line.slice(0, 300)}…` : line)),
  ]);
  if (lines.length === 0) return null;
  const kept: string[] = [];
  let size = 0;
  for (const line of lines) {
    size += line.length + 1;
    if (kept.length === LINES || size > CHARACTERS) break;
    kept.push(line);
  }
  return kept.length === lines.length ? kept.join("\n") : [...kept, `… ${lines.length - kept.length} more lines`].join("\n");
}

/** The text without the comments that name its YAML lines. */
export function withoutSourceLines(python: string): string {
  return python.replace(/ {2}# [\w./%-]+:\d+$/gm, "");
}
