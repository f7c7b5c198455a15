import { code, codes } from "./markdown.ts";
import type { Plan } from "./model.ts";
import { phraseOf, say } from "./phrase.ts";
import { counted } from "./words.ts";

/** The one line that says it all, without anybody's text in it. */
export function headline(plan: Plan): string {
  if (plan.nothing) return "Nothing to deploy: the release is the one that is deployed.";
  const of = (change: string): number => plan.dags.filter((dag) => dag.change === change).length;
  if (plan.documentationOnly)
    return `Documentation only: the README or comments of ${counted(plan.dags.length, "DAG")}. Nothing that runs changes.`;
  const parts = (["added", "changed", "removed"] as const).flatMap((change) => (of(change) > 0 ? [`${of(change)} ${change}`] : []));
  const dags = parts.length === 0 ? "No DAG changes" : `DAGs: ${parts.join(", ")}`;
  const danger = plan.destructive.length === 0 ? "nothing destructive" : counted(plan.destructive.length, "destructive change");
  return `${dags} (of ${plan.total.toLocaleString("en")}); ${danger}.`;
}

/** The table of counts and names, and the changes that several DAGs share. */
export function summary(plan: Plan): string {
  const dags = (change: string): string[] => plan.dags.filter((dag) => dag.change === change).map(({ dag }) => dag);
  const tables = plan.tables.map(({ table }) => table);
  const starting = plan.upcoming.filter(({ runsAtOnce }) => runsAtOnce > 0);
  const runs = starting.reduce((sum, { runsAtOnce }) => sum + runsAtOnce, 0);
  const rows: [string, string, string][] = [
    ["DAGs added", String(dags("added").length), codes(dags("added"), 6)],
    ["DAGs changed", String(dags("changed").length), codes(dags("changed"), 6)],
    ["DAGs removed", String(dags("removed").length), codes(dags("removed"), 6)],
    ["Tables", String(tables.length), codes(tables, 6)],
    [
      "Runs at once",
      runs.toLocaleString("en"),
      codes(
        starting.map(({ dag }) => dag),
        6,
      ),
    ],
    [
      "Code bundles",
      String(plan.code.length),
      codes(
        plan.code.map(({ bundle }) => bundle),
        6,
      ),
    ],
    [
      "Cloud resources",
      String(plan.infra?.changes.length ?? 0),
      codes(
        (plan.infra?.changes ?? []).map(({ resource }) => resource),
        6,
      ),
    ],
    ...plan.files.map(({ what, paths }): [string, string, string] => [
      `Changed: ${what}`,
      String(Math.max(1, paths.length)),
      codes(paths, 3),
    ]),
    ["Destructive", String(plan.destructive.length), plan.destructive.length === 0 ? "" : "see below"],
  ];
  const lines = rows.filter(([, number]) => number !== "0").map((row) => `| ${row.join(" | ")} |`);
  return [["| what | number | which |", "|---|--:|---|", ...lines].join("\n"), ...shared(plan)].join("\n\n");
}

/** What is the same in several DAGs is one thing to review, not as many. */
function shared(plan: Plan): string[] {
  const byPhrase = new Map<string, Set<string>>();
  for (const { dag, changes } of plan.dags) {
    for (const change of changes) {
      const phrase = `${change.task === null ? "" : `${code(change.task)}: `}${say(phraseOf(change), (text) => code(text, 60))}`;
      byPhrase.set(phrase, (byPhrase.get(phrase) ?? new Set()).add(dag));
    }
  }
  const common = [...byPhrase].filter(([, dags]) => dags.size > 2).sort(([, a], [, b]) => b.size - a.size);
  if (common.length === 0) return [];
  const lines = common.slice(0, 10).map(([phrase, dags]) => `| ${phrase} | ${dags.size} |`);
  return [["| the same change | DAGs |", "|---|--:|", ...lines].join("\n")];
}
