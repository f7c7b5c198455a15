import type { Section } from "./fit.ts";
import { code, fenced, htmlCode, mermaidFence } from "./markdown.ts";
import type { Change, DagPlan, Plan } from "./model.ts";
import { phraseOf, say } from "./phrase.ts";
import { counted } from "./words.ts";

/** More changes than this of one DAG are counted, not listed. */
const MOST_CHANGES = 40;

/** Each DAG: its changes, its graph, and the Python within another fold. */
export function dagSection(plan: Plan): Section {
  const order = { changed: 0, added: 1, removed: 2 } as const;
  // What changes behaviour first; what only documentation changes last.
  const dags = [...plan.dags].sort(
    (a, b) => Number(a.documentationOnly) - Number(b.documentationOnly) || order[a.change] - order[b.change],
  );
  return { title: "DAGs", blocks: dags.map(dagBlock), joint: "\n\n", share: 0.45, unit: "DAG" };
}

function dagBlock(dag: DagPlan): string {
  const said = dag.change === "changed" ? counted(dag.changes.length, "change") : dag.change;
  const parts = [
    `<details><summary>${htmlCode(dag.dag, 200)}: ${dag.documentationOnly ? "documentation only" : said}</summary>`,
    `${code(dag.source, 200)}`,
    ...(dag.changes.length === 0 ? [] : [changeList(dag.changes)]),
    ...(dag.graph === null || dag.documentationOnly ? [] : [mermaidFence(dag.graph)]),
    ...(dag.python === null || dag.change === "removed"
      ? []
      : [`<details><summary>the rendered Python</summary>\n\n${fenced(dag.python, "diff")}\n\n</details>`]),
    "</details>",
  ];
  return parts.join("\n\n");
}

function changeList(changes: readonly Change[]): string {
  const lines = changes.slice(0, MOST_CHANGES).map((change) => {
    const phrase = say(phraseOf(change), (text) => code(text, 120));
    return change.task === null ? `- ${phrase}` : `- ${code(change.task)}: ${phrase}`;
  });
  if (changes.length > MOST_CHANGES) lines.push(`- and ${changes.length - MOST_CHANGES} more`);
  return lines.join("\n");
}
