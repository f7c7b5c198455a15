import { clockText } from "../time/zone.ts";
import type { BackfillPlan } from "./plan.ts";
import { type BackfillProgress, progressStates } from "./progress.ts";
import type { BackfillResult } from "./run-backfill.ts";

/** A backfill in words, for a terminal or a log. */

/** The runs of a plan as a table, with what is to know above it. */
export function planText(plan: BackfillPlan): string {
  const { dag, kind, counts, running, paused, notes, more, runs, timezone } = plan;
  const words = { create: "create", reprocess: "run again", skip: "leave" };
  // A schedule's dates are instants; `--from` and `--to` are times in the DAG's zone.
  const local = kind === "schedule" && timezone !== "UTC";
  const rows = runs.map(({ period, state, action, run_id }) => [
    period,
    ...(local ? [clockText(Date.parse(period), timezone)] : []),
    words[action],
    state ?? "-",
    run_id ?? "",
  ]);
  return [
    `${dag}: ${counts.create} ${counts.create === 1 ? "run" : "runs"} to create, ${counts.reprocess} to run again, ${counts.skip} to leave as they are (time zone ${timezone})`,
    ...notes.map((note) => `note: ${note}`),
    ...(paused ? [`note: ${dag} is paused; a start is refused until it is not`] : []),
    ...(running === null ? [] : [`note: another backfill of ${dag} is running: ${running}`]),
    ...table(["for", ...(local ? ["in its time zone"] : []), "what happens", "now", "run"], rows),
    ...(more > 0 ? [`and ${more} more`] : []),
  ].join("\n");
}

/** The last state of each run as a table, and why runs failed. */
export function resultText(result: BackfillResult): string {
  const { outcome, plan, id, progress, failures } = result;
  if (outcome === "planned") return planText(plan);
  if (outcome === "nothing") return `${plan.dag}: nothing to do, all ${plan.counts.skip} runs of the range are there`;
  const rows = (progress?.runs ?? []).map(({ period, state, run_id }) => [period, state, run_id]);
  const failed = progress?.counts.failed ?? 0;
  return [
    `backfill ${id} of ${plan.dag} ${ending[outcome]}${progress === null ? "" : `: ${progressLine(progress)}`}`,
    ...table(["for", "state", "run"], rows),
    ...((progress?.more ?? 0) > 0 ? [`and ${progress?.more} more`] : []),
    ...failures.map(
      ({ period, run_id, task, message }) => `${period} failed (${run_id})${task === null ? "" : `, task ${task}`}: ${message}`,
    ),
    ...(failed > failures.length ? [`and ${failed - failures.length} more that failed`] : []),
  ].join("\n");
}

/** One line: how many runs are in which state, and why no more are begun. */
function progressLine({ total, counts, halted }: BackfillProgress): string {
  const ended = (counts.success ?? 0) + (counts.failed ?? 0) + (counts.cancelled ?? 0);
  const states = progressStates.filter((state) => (counts[state] ?? 0) > 0);
  const line = `${ended} of ${total} ended: ${states.map((state) => `${counts[state]} ${state}`).join(", ") || "none begun"}`;
  return halted === null ? line : `${line}; no more are begun: ${halted}`;
}

const ending: Readonly<Record<BackfillResult["outcome"], string>> = {
  planned: "is planned",
  nothing: "has nothing to do",
  success: "is done",
  failed: "has failed runs",
  halted: "was halted",
  cancelled: "was cancelled",
};

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd());
}
