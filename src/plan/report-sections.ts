import type { Section } from "./fit.ts";
import { code, codes, fenced, htmlCode, NOTE } from "./markdown.ts";
import type { Plan, RowsPlan, TablePlan, TimeSpan, UpcomingPlan } from "./model.ts";
import { isPaused, pauseText } from "./pause.ts";
import { counted, spanText } from "./words.ts";

export function destructiveSection(plan: Plan): Section {
  const blocks = plan.destructive.map(({ what, why, dag, table, resource }) => {
    const name = dag ?? table ?? resource ?? "";
    return `- **${what}**: ${code(name, 80)}: ${code(why, NOTE)}`;
  });
  return { title: "⚠️ Destructive", blocks, joint: "\n", share: 0.15, unit: "destructive change" };
}

/** Only those that do something: that start runs, stop, have runs under way, are new or paused. */
export function upcomingSection(plan: Plan): Section {
  const news = plan.upcoming.filter((one) => one.rescheduled || one.change === "removed" || (one.inFlight ?? 0) > 0 || isPaused(one.pause));
  const blocks = [...news]
    .sort((a, b) => b.runsAtOnce - a.runsAtOnce)
    .map(
      (one) =>
        `| ${code(one.dag)} | ${schedule(one)} | ${atOnce(one)} | ${one.nextRun === null ? "" : one.nextRun.slice(0, 16).replace("T", " ")} |`,
    );
  const lead = "| DAG | schedule | at once | next run (UTC) |\n|---|---|---|---|";
  return { title: "What happens next", lead, blocks, joint: "\n", fold: true, share: 0.08, unit: "DAG" };
}

function schedule({ trigger, schedule: text }: UpcomingPlan): string {
  if (trigger === "cron") return code(text ?? "", 60);
  return trigger === "assets" ? `when loaded: ${code(text ?? "", 80)}` : trigger === "none" ? "removed" : trigger;
}

function atOnce(one: UpcomingPlan): string {
  const parts = [pauseText(one), runs(one), coverage(one), flight(one)].filter((part) => part !== "");
  return parts.join("; ") || "nothing";
}

/** In plain words, without anybody's text. */
export function runs({ runsAtOnce, runsIfNew, trigger, maxActiveRuns, pause }: UpcomingPlan): string {
  if (trigger !== "cron" || isPaused(pause)) return "";
  const width = maxActiveRuns === null || runsAtOnce <= maxActiveRuns ? "" : `, ${maxActiveRuns} at a time`;
  const known = runsAtOnce === 0 ? "no run" : `${counted(runsAtOnce, "run")}${width}`;
  return runsIfNew === runsAtOnce ? known : `${known}, going on from the last one (${counted(runsIfNew, "run")} if it never ran)`;
}

/** What a change of the schedule leaves out, or loads again. */
export function coverage({ uncovered, coveredTwice }: UpcomingPlan): string {
  const span = ({ from, to }: TimeSpan): string => spanText(Date.parse(from), Date.parse(to));
  if (uncovered !== null) return `no run covers ${span(uncovered)}`;
  return coveredTwice === null ? "" : `the next run covers ${span(coveredTwice)} again`;
}

export function flight({ inFlight }: UpcomingPlan): string {
  return inFlight === null || inFlight === 0 ? "" : `${counted(inFlight, "run")} under way, on the release of before to the end`;
}

export function tableSection(plan: Plan): Section {
  return { title: "Tables", blocks: plan.tables.map(tableBlock), joint: "\n\n", share: 0.15, unit: "table" };
}

const tableWords: Readonly<Record<TablePlan["change"], string>> = {
  created: "created",
  altered: "altered",
  refused: "the next load fails",
  removed: "no longer loaded",
  kept: "no DDL",
  unknown: "not known",
};

const basisWords: Readonly<Record<TablePlan["basis"], string>> = {
  live: "compared with the live table",
  released: "compared with the fields of the deployed release",
  none: "no such table yet",
  unknown: "nothing to compare with",
};

function tableBlock(table: TablePlan): string {
  const lines = [
    `Loaded by ${codes(table.dags)}; ${basisWords[table.basis]}.`,
    ...table.refusals.map((refusal) => `- ${code(refusal, NOTE)}`),
    ...table.noLongerFilled.map((column) => `- ${code(column)} is no longer filled: it stays, and is null in new rows`),
    ...[...table.notes, ...table.adopted].map((note) => `- ${code(note, NOTE)}`),
  ];
  const [first = "", ...list] = lines;
  const sql = table.statements.length === 0 ? [] : [fenced(`${table.statements.map((statement) => short(statement)).join(";\n")};`, "sql")];
  return [
    `<details><summary>${htmlCode(table.table)}: ${tableWords[table.change]}</summary>`,
    first,
    ...(list.length > 0 ? [list.join("\n")] : []),
    ...sql,
    "</details>",
  ].join("\n\n");
}

function short(statement: string): string {
  return statement.length > 4000 ? `${statement.slice(0, 4000)}…` : statement;
}

export function infraSection({ infra }: Plan): Section {
  const changes = (infra?.changes ?? []).map(
    ({ stack, resource, type, action, reason }) =>
      `- ${code(action, 40)} ${code(resource, 120)} (${code(type, 80)}, ${code(stack, 80)})${reason === undefined ? "" : `: ${code(reason, 200)}`}`,
  );
  const refused = (infra?.refused ?? []).map(
    ({ resource, why }) => `- **CloudFormation refuses** ${code(resource, 120)}: ${code(why, 400)}`,
  );
  const widened = (infra?.widened ?? []).map((what) => `- **wider**: ${code(what, 300)}`);
  return { title: "Cloud resources", blocks: [...refused, ...widened, ...changes], joint: "\n", fold: true, share: 0.12, unit: "resource" };
}

export function codeSection(plan: Plan): Section {
  const blocks = plan.code.map(({ bundle, change, dags, because }) => {
    const why =
      because === null || change !== "changed"
        ? ""
        : because.length === 0
          ? ": the same sources, put together otherwise"
          : `: because of ${codes(because, 12, 120)}`;
    return `- ${code(bundle, 120)} ${change}${why} (${counted(dags.length, "DAG")})`;
  });
  const files = plan.files.map(({ what, paths }) => `- ${what} changed${paths.length === 0 ? "" : `: ${codes(paths, 12, 120)}`}`);
  return { title: "Code", blocks: [...blocks, ...files], joint: "\n", fold: true, share: 0.08, unit: "bundle" };
}

export function rowSection(plan: Plan): Section {
  const same = plan.rows.filter((rows) => rows.same).length;
  const blocks = plan.rows.filter((rows) => !rows.same).map(rowBlock);
  if (same > 0) blocks.push(`${counted(same, "load")} of the tests ${same === 1 ? "brings" : "bring"} the same rows as before.`);
  return { title: "Rows that the tests load", blocks, joint: "\n\n", share: 0.12, unit: "load" };
}

function rowBlock(rows: RowsPlan): string {
  const number = (count: number | null): string => (count === null ? "not loaded" : count.toLocaleString("en"));
  const columns = [
    ...rows.columnsAdded.map((column) => `- column ${code(column)} added`),
    ...rows.columnsRemoved.map((column) => `- column ${code(column)} removed`),
  ];
  const cells = rows.sample.flatMap(({ row, change, cells }) =>
    cells
      .slice(0, 12)
      .map(
        ({ column, before, after }) =>
          `| ${row === null ? "" : `${code(row.column, 30)} ${value(row.value)}`} | ${change} | ${code(column, 40)} | ${value(before)} | ${value(after)} |`,
      ),
  );
  return [
    `<details><summary>${htmlCode(`${rows.dag}.${rows.task}`)} into ${htmlCode(rows.table)}${which(rows)}: ${number(rows.before)} → ${number(rows.after)} rows</summary>`,
    ...(columns.length > 0 ? [columns.join("\n")] : []),
    ...(cells.length > 0 ? [["| row | | column | before | after |", "|---|---|---|---|---|", ...cells].join("\n")] : []),
    "</details>",
  ].join("\n\n");
}

/** Tells the loads of a task apart that its tests run several times. */
export function which({ load }: RowsPlan): string {
  return load === null ? "" : `, load ${load}`;
}

/** null is said, since an empty text is another thing. */
function value(cell: string | null | undefined): string {
  return cell === undefined ? "" : cell === null ? "_null_" : code(cell, 60);
}
