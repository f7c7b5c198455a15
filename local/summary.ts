import type { ReleaseId } from "../src/ids.ts";
import { shortId } from "../src/ids.ts";
import type { RunResult } from "./runs.ts";
import type { TableSummary } from "./tables.ts";

export interface Summary {
  readonly release: ReleaseId;
  readonly dags: readonly string[];
  readonly runs: readonly RunResult[];
  readonly tables: readonly TableSummary[];
  /** A few rows of one table: columns, and values as PostgreSQL prints them. */
  readonly sample:
    | { readonly table: string; readonly columns: readonly string[]; readonly rows: readonly (readonly (string | null)[])[] }
    | undefined;
  readonly airflow: { readonly url: string; readonly user: string; readonly passwordFile: string };
  readonly seconds: number;
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
  if (summary.sample !== undefined) {
    const { table, columns, rows } = summary.sample;
    const shown = columns.slice(0, 8);
    lines.push(
      "",
      `${table}, the first rows and columns:`,
      ...grid(
        shown,
        rows.map((row) => shown.map((_, index) => row[index] ?? "null")),
      ),
    );
  }
  lines.push("", `Ready in ${summary.seconds.toFixed(0)} s.`);
  if (staysUp) {
    const { url, user, passwordFile } = summary.airflow;
    lines.push(
      `Airflow: ${url}  user ${user}, password in ${passwordFile}`,
      "Save a change under scrapes/ and it is live in seconds. Ctrl-C stops everything; what was loaded stays for the next `npm start`.",
    );
  }
  return `${lines.join("\n")}\n`;
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
