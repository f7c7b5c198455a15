import type { Proof } from "../src/deploy/reload.ts";
import { code, codes } from "../src/plan/markdown.ts";
import { table } from "./markdown.ts";

/** The host's proof, as Markdown. */
export function proofMarkdown({ release, previous, commit, dags, paused, changed, seconds }: Proof): string {
  const rows = [
    ["release", code(release.slice(0, 12))],
    ["commit", commit === null ? "unknown" : code(commit.slice(0, 12))],
    ["before it", previous === null ? "none" : code(previous.slice(0, 12))],
    ["DAGs served", String(dags)],
    ...(paused === null || paused.length === 0 ? [] : [["paused in Airflow", codes(paused, 10)]]),
    ...Object.entries(seconds).map(([step, value]) => [`${step}, seconds`, value.toFixed(1)]),
  ];
  return `### The host ${changed ? "switched and serves" : "serves"} release ${code(release.slice(0, 12))}\n\n${table(["proof", ""], rows)}`;
}
