import { setTimeout as pause } from "node:timers/promises";
import { answerOf, asRecord, unanswered } from "../deploy/agent-answer.ts";
import type { HostCommands } from "../deploy/host-commands.ts";
import { TransientError, UserError } from "../errors.ts";
import { type Log, silentLog } from "../log.ts";
import { type BackfillAction, encodeHostRequest, type HostRequest } from "./host-request.ts";
import { type BackfillPlan, runningError } from "./plan.ts";
import type { BackfillProgress, RunFailure } from "./progress.ts";
import type { BackfillRequest } from "./request.ts";

export interface BackfillResult {
  readonly plan: BackfillPlan;
  /** `planned`: a dry run. `nothing`: every run of the range is there. `halted`: no more runs were begun, `progress.halted` says why. */
  readonly outcome: "planned" | "nothing" | "success" | "failed" | "halted" | "cancelled";
  readonly id: string | null;
  /** As last seen. */
  readonly progress: BackfillProgress | null;
  /** Why runs failed: of the first ten. */
  readonly failures: readonly RunFailure[];
}

export interface BackfillOptions {
  /** False for a dry run. */
  readonly start: boolean;
  readonly log?: Log;
  /** When it aborts, the backfill is cancelled on the host. */
  readonly signal?: AbortSignal;
  /** Told the plan before anything is started. */
  readonly onPlan?: (plan: BackfillPlan) => void;
  readonly onProgress?: (progress: BackfillProgress) => void;
  /** Waits between two looks, in milliseconds; ends early when the signal aborts. */
  readonly delay?: (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>;
}

/** So many looks in a row may fail before the watch is given up. */
const PATIENCE = 5;

/**
 * Shows what a backfill would do, or starts it and watches until its runs have ended; aborting cancels it. Throws a UserError for wrong use
 * (with the host's reason), TransientError when the host can't be asked.
 */
export async function runBackfill(commands: HostCommands, request: BackfillRequest, options: BackfillOptions): Promise<BackfillResult> {
  const { signal, log = silentLog, onPlan } = options;
  const agent = new BackfillAgent(commands, { request, id: null, release: null, failuresKnown: 0 });
  const plan = readPlan(await agent.ask("dry-run", { signal }));
  onPlan?.(plan);
  const result = { plan, id: null, progress: null, failures: [] };
  if (!options.start) return { ...result, outcome: "planned" };
  if (plan.running !== null) throw runningError(plan.dag, plan.running);
  // Where every run has begun, one of ours that nobody watches may still be at it: the start finds it again.
  const begun = plan.kind === "periods" ? plan.under_way : 0;
  if (plan.counts.create + plan.counts.reprocess + begun === 0) return { ...result, outcome: "nothing" };
  signal?.throwIfAborted();
  // Not aborted half-way: a backfill whose id nobody knows could not be cancelled.
  const started = await agent.ask("start", { release: plan.release });
  const id = String(started.id);
  if (started.resumed === true) log.info(`backfill ${id} of this range had begun: going on with it`);
  else log.info(`backfill ${id} is started`);
  return watch(agent, { ...result, id }, options, log);
}

type Watched = Omit<BackfillResult, "outcome" | "id"> & { readonly id: string };

async function watch(agent: BackfillAgent, begun: Watched, options: BackfillOptions, log: Log): Promise<BackfillResult> {
  const { signal, onProgress, delay = wait } = options;
  const { id, plan } = begun;
  let last = begun;
  let misses = 0;
  // Without Airflow's own backfill, each look also begins the next runs.
  const longest = plan.kind === "periods" ? 5_000 : 10_000;
  // Short waits first: most backfills are of a few runs; then longer ones, which AWS's rate limits ask for.
  for (let milliseconds = 1000; ; milliseconds = Math.min(milliseconds * 1.2, longest)) {
    try {
      if (signal?.aborted) return await cancel(agent, last, log);
      const asked = { id, release: plan.release, failuresKnown: last.failures.length > 0 ? (last.progress?.counts.failed ?? 0) : 0 };
      const progress = readProgress(await agent.ask("status", { ...asked, signal }));
      last = { ...last, progress, failures: progress.failures.length > 0 ? progress.failures : last.failures };
      misses = 0;
      onProgress?.(progress);
      if (progress.done) return { ...last, outcome: outcomeOf(progress) };
    } catch (error) {
      if (signal?.aborted) return cancel(agent, last, log);
      if (!(error instanceof TransientError) || ++misses >= PATIENCE) throw lost(error, id);
      log.warn(`${error.message}; looking again`);
    }
    await delay(milliseconds, signal);
  }
}

async function cancel(agent: BackfillAgent, last: Watched, log: Log): Promise<BackfillResult> {
  log.info(`cancelling backfill ${last.id}`);
  const { cancelled, running } = await agent.ask("cancel", { id: last.id, release: last.plan.release });
  log.info(`backfill ${last.id} is cancelled: ${cancelled} queued runs are ended, ${running} that had begun finish`);
  return { ...last, outcome: "cancelled" };
}

function outcomeOf({ counts, halted }: BackfillProgress): BackfillResult["outcome"] {
  if ((counts.failed ?? 0) > 0) return "failed";
  if (halted !== null) return "halted";
  return (counts.cancelled ?? 0) > 0 ? "cancelled" : "success";
}

function lost(error: unknown, id: string): unknown {
  if (!(error instanceof TransientError)) return error;
  return new TransientError(`backfill ${id} is no longer watched: ${error.message}`, {
    hint: "It was not cancelled. Airflow's UI on the host shows its runs; a dry run of the same range does, too.",
    cause: error,
  });
}

/** One backfill's agent on the host, over the SSM document. */
class BackfillAgent {
  readonly #commands: HostCommands;
  readonly #asked: HostRequest;

  constructor(commands: HostCommands, asked: HostRequest) {
    this.#commands = commands;
    this.#asked = asked;
  }

  async ask(
    action: BackfillAction,
    { signal, ...changes }: Partial<Omit<HostRequest, "request">> & { signal?: AbortSignal | undefined },
  ): Promise<Record<string, unknown>> {
    const parameters = { Action: action, Request: encodeHostRequest({ ...this.#asked, ...changes }) };
    const limits = { timeoutSeconds: 300, ...(signal === undefined ? {} : { signal }) };
    const outcome = await this.#commands.run("dagline-backfill", parameters, limits);
    const answer = answerOf(outcome);
    if (answer?.ok === true && outcome.exitCode === 0) return answer;
    const { message, hint } = asRecord(answer?.error) ?? {};
    if (answer?.ok !== false || typeof message !== "string") throw unanswered(`the host did not answer to a backfill's ${action}`, outcome);
    const details = typeof hint === "string" ? { hint } : {};
    throw outcome.exitCode === 1 ? new UserError(message, details) : new TransientError(message, details);
  }
}

/** The agent's answer is of our own making; what is checked is that it is of this version. */
function readPlan(answer: Record<string, unknown>): BackfillPlan {
  if (Array.isArray(answer.runs) && asRecord(answer.counts) !== undefined && Array.isArray(answer.notes))
    return answer as unknown as BackfillPlan;
  throw otherVersion();
}

function readProgress(answer: Record<string, unknown>): BackfillProgress {
  if (Array.isArray(answer.runs) && asRecord(answer.counts) !== undefined && Array.isArray(answer.failures)) {
    return answer as unknown as BackfillProgress;
  }
  throw otherVersion();
}

function otherVersion(): UserError {
  return new UserError("the host's answer is not one that this dagline reads", { hint: "Bring the host's agent up to this version." });
}

async function wait(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  // The next round sees the abort.
  await pause(milliseconds, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
}
