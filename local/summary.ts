import type { ReleaseId } from "../src/ids.ts";
import { shortId } from "../src/ids.ts";
import type { RunResult } from "./follow-run.ts";
import type { TableSummary } from "./tables.ts";

export interface Summary {
  readonly release: ReleaseId;
  readonly dags: readonly string[];
  readonly runs: readonly RunResult[];
  readonly tables: readonly TableSummary[];
  readonly sample: Sample | undefined;
  /** The DAGs that Airflow has paused; null: not known. */
  readonly paused: readonly string[] | null;
  readonly airflow: { readonly url: string; readonly user: string; readonly passwordFile: string };
  readonly seconds: number;
}

/** A few rows of one table: columns, and values as PostgreSQL prints them. */
export interface Sample {
  readonly table: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
}

/** The one JSON document of `--format json`. */
export function jsonSummary({ release, runs, tables, seconds }: Summary): string {
  return `${JSON.stringify({ release, runs: runs.map(({ dag, run, state, seconds }) => ({ dag, run, state, seconds })), tables, seconds })}\n`;
}

/** What a person reads at the end; `staysUp` adds where to look and how to stop. */
export function textSummary(summary: Summary, staysUp: boolean): string {
  const lines = [
    "",
    `Release ${shortId(summary.release)}: ${summary.dags.length} DAGs (${summary.dags.join(", ")})`,
    "",
    ...grid(
      ["run", "state", "seconds"],
      summary.runs.map((run) => [`${run.dag} ${run.run}`, run.state, run.seconds.toFixed(1)]),
    ),
    "",
    ...grid(
      ["table", "rows"],
      summary.tables.map((table) => [table.name, table.rows.toLocaleString("en")]),
    ),
  ];
  if (summary.sample !== undefined) lines.push("", ...sampleText(summary.sample));
  lines.push("", `Ready in ${summary.seconds.toFixed(0)} s.`);
  const left = summary.runs.filter(({ state }) => state !== "success" && state !== "failed");
  if (left.length > 0) lines.push(`Not over: ${left.map(({ dag, run, state }) => `${dag} ${run} (${state})`).join(", ")}.`);
  if ((summary.paused ?? []).length > 0) lines.push(`Paused in Airflow, so not run: ${summary.paused?.join(", ")}.`);
  if (staysUp) {
    const { url, user, passwordFile } = summary.airflow;
    lines.push(
      `Airflow: ${url}  user ${user}, password in ${passwordFile}`,
      "Save a change under scrapes/ and it is live in seconds. Ctrl-C stops everything; what was loaded stays for the next `npm start`.",
    );
  }
  return `${lines.join("\n")}\n`;
}

/** The first columns of a sample, as a table with a heading. */
export function sampleText({ table, columns, rows }: Sample): string[] {
  const shown = columns.slice(0, 8);
  const cells = rows.map((row) => shown.map((_, index) => row[index] ?? "null"));
  return [`${table}, the first rows and columns:`, ...grid(shown, cells)];
}

function grid(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, index) => Math.max(title.length, ...rows.map((row) => clip(row[index] ?? "").length)));
  const line = (cells: readonly string[]): string =>
    `  ${cells.map((cell, index) => clip(cell).padEnd(widths[index] ?? 0)).join("  ")}`.trimEnd();
  return [line(head), line(widths.map((width) => "─".repeat(width))), ...rows.map(line)];
}

function clip(text: string): string {
  const oneLine = text.replace(/[\r\n\t]+/g, " ");
  return oneLine.length > 48 ? `${oneLine.slice(0, 47)}…` : oneLine;
}
