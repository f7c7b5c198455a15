import { encodeHostRequest } from "../../src/backfill/host-request.ts";
import { type BackfillProgress, progressStates } from "../../src/backfill/progress.ts";
import { elapsed, progressTable } from "../../src/backfill/progress-table.ts";
import { backfillInputs, parseBackfillRequest } from "../../src/backfill/request.ts";
import { runBackfill } from "../../src/backfill/run-backfill.ts";
import { planText, resultText } from "../../src/backfill/table.ts";
import { UserError } from "../../src/errors.ts";
import { fenced } from "../../src/plan/markdown.ts";
import type { InputSpec, InputsOf } from "../inputs.ts";
import { table } from "../markdown.ts";
import type { Services } from "../services.ts";

export const inputs = {
  environment: { kind: "text", default: "production" },
  dag: { kind: "text", ...backfillInputs.dag },
  from: { kind: "text", ...backfillInputs.from },
  to: { kind: "text", ...backfillInputs.to },
  "dry-run": { kind: "flag", default: "true" },
  reprocess: { kind: "choice", choices: ["none", "failed", "completed"], default: "none" },
  "max-active-runs": { kind: "text", default: "3", pattern: /^(?:[1-9]\d?|100)$/, takes: "a whole number from 1 to 100" },
  "newest-first": { kind: "flag", default: "false" },
  every: { kind: "choice", choices: ["automatic", "month", "day"], default: "automatic" },
  params: { kind: "text", default: "{}", ...backfillInputs.params },
  "working-directory": { kind: "text", default: "." },
} as const satisfies InputSpec;

/** The state in which the post part finds the backfill that this step began and has not seen the end of. */
export const UNFINISHED = "unfinished";

/**
 * Shows the runs of a backfill, and without `dry-run` starts it and watches it to its end. Cancelling the workflow cancels the backfill: here, and in
 * post.ts when this process is ended before it could.
 */
export async function run(given: InputsOf<typeof inputs>, services: Services): Promise<void> {
  const { log, signal } = services;
  const request = parseBackfillRequest({
    dag: given.dag,
    from: given.from,
    to: given.to,
    every: given.every === "automatic" ? "" : given.every,
    reprocess: given.reprocess,
    max_active_runs: given["max-active-runs"],
    newest_first: String(given["newest-first"]),
    params: given.params,
  });
  const began = services.now().getTime();
  const progressRows = progressTable(services.now);
  const host = await services.host(given.environment);
  const result = await runBackfill(host, request, {
    start: !given["dry-run"],
    log,
    signal,
    onPlan: (plan) => log.info(planText(plan)),
    onStart: (asked) => services.saveState(UNFINISHED, encodeHostRequest(asked)),
    onProgress: (progress) => {
      for (const line of progressRows(progress)) log.info(line);
    },
  }).catch((error: unknown) => {
    // One that could not be cancelled is left to post.ts; one that is no longer watched goes on, as its error says.
    if (!signal.aborted) services.saveState(UNFINISHED, "");
    throw error;
  });
  services.saveState(UNFINISHED, "");
  log.info(resultText(result));
  const counts = result.progress === null ? [] : [countsTable(result.progress, (services.now().getTime() - began) / 1000)];
  services.summary([`### Backfill of \`${request.dag}\`: ${result.outcome}`, ...counts, fenced(resultText(result), "text")].join("\n\n"));
  services.output("outcome", result.outcome);
  services.output("id", result.id ?? "");
  services.output("runs", result.plan.counts.create + result.plan.counts.reprocess);
  if (result.outcome === "failed" || result.outcome === "halted" || result.outcome === "cancelled") {
    const reasons = result.failures.map(({ period, task, message }) => `${period}${task === null ? "" : `, ${task}`}: ${message}`);
    throw new UserError([`the backfill of ${request.dag} ${result.outcome}`, ...reasons].join("\n"), {
      hint:
        result.outcome === "cancelled"
          ? "Start it again to go on: runs that are done are left."
          : "Mend the cause, then start it again with `reprocess: failed`.",
    });
  }
}

/** How many runs are in which state in the end. */
function countsTable({ counts, total }: BackfillProgress, seconds: number): string {
  const states = progressStates.filter((state) => (counts[state] ?? 0) > 0);
  return table(["runs", ...states, "took"], [[String(total), ...states.map((state) => String(counts[state])), elapsed(seconds)]]);
}
