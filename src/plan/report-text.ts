import { NOTE, plain, plainLines } from "./markdown.ts";
import type { Plan } from "./model.ts";
import { pauseText } from "./pause.ts";
import { phraseOf, say } from "./phrase.ts";
import { coverage, flight, runs, which } from "./report-sections.ts";
import { headline } from "./report-summary.ts";
import { counted } from "./words.ts";

/** A plan for a terminal or a log. */
export function planText(plan: Plan): string {
  const name = (of: Plan["base"]): string => (of === null ? "nothing" : `release ${of.release.slice(0, 12)}`);
  const lines = [headline(plan), `from ${name(plan.base)} to ${name(plan.next)}, plan ${plan.id.slice(0, 12)}`];
  section(
    lines,
    "Destructive",
    plan.destructive.map(({ what, why, dag, table, resource }) => `${what}: ${plain(dag ?? table ?? resource ?? "")}: ${plain(why, NOTE)}`),
  );
  if (!plan.nothing) for (const dag of plan.dags) dagLines(lines, dag);
  const tables = plan.tables.flatMap((table) => [
    `${plain(table.table)}: ${table.change}`,
    ...table.statements.map((statement) => plainLines(`${statement};`, "  ")),
    ...table.refusals.map((refusal) => `  ${plain(refusal, NOTE)}`),
    ...table.noLongerFilled.map((column) => `  column ${plain(column)} is no longer filled`),
    ...[...table.notes, ...table.adopted].map((note) => `  ${plain(note, NOTE)}`),
  ]);
  section(lines, "Tables", tables);
  section(
    lines,
    "What happens next",
    plan.upcoming.flatMap((one) => {
      const said = [
        pauseText(one),
        one.rescheduled ? runs(one) : "",
        flight(one),
        one.rescheduled && one.nextRun !== null ? `next run ${one.nextRun}` : "",
        coverage(one),
      ].filter((part) => part !== "");
      const how =
        one.rescheduled && one.trigger !== "cron"
          ? [`${one.trigger}${one.trigger === "assets" ? `: when ${plain(one.schedule ?? "")} is loaded` : ""}`]
          : [];
      return said.length + how.length === 0 ? [] : [`${plain(one.dag)}: ${[...how, ...said].join("; ")}`];
    }),
  );
  section(
    lines,
    "Code",
    plan.code.map(
      ({ bundle, change, because }) =>
        `${plain(bundle)} ${change}${because === null || because.length === 0 ? "" : `: because of ${because.map((file) => plain(file)).join(", ")}`}`,
    ),
  );
  section(
    lines,
    "Also changed",
    plan.files.map(({ what, paths }) => `${what}${paths.length === 0 ? "" : ` (${counted(paths.length, "file")})`}`),
  );
  section(
    lines,
    "Rows that the tests load",
    plan.rows.map(
      (rows) =>
        `${plain(`${rows.dag}.${rows.task} into ${rows.table}`)}${which(rows)}: ${rows.before ?? "not loaded"} → ${rows.after ?? "not loaded"}${rows.same ? ", the same" : ""}`,
    ),
  );
  section(lines, "Cloud resources", [
    ...(plan.infra?.refused ?? []).map(({ resource, why }) => `CloudFormation refuses: ${plain(resource)}: ${plain(why, 400)}`),
    ...(plan.infra?.widened ?? []).map((what) => `wider: ${plain(what, 300)}`),
    ...(plan.infra?.changes ?? []).map(
      ({ action, resource, type, reason }) =>
        `${plain(action)} ${plain(resource)} (${plain(type)})${reason === undefined ? "" : `: ${plain(reason, 300)}`}`,
    ),
  ]);
  return `${lines.join("\n")}\n`;
}

function section(lines: string[], title: string, entries: readonly string[]): void {
  if (entries.length > 0) lines.push("", title, ...entries.map((entry) => `  ${entry}`));
}

function dagLines(lines: string[], { dag, change, changes }: Plan["dags"][number]): void {
  lines.push("", `${change === "added" ? "+" : change === "removed" ? "-" : "~"} ${plain(dag)} ${change}`);
  for (const one of changes) lines.push(`  ${one.task === null ? "" : `${plain(one.task)}: `}${say(phraseOf(one), (text) => plain(text))}`);
}
