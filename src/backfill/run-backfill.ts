import { setTimeout as pause } from "node:timers/promises";
import type { HostCommands } from "../deploy/host-commands.ts";
import { TransientError } from "../errors.ts";
import { type Log, silentLog } from "../log.ts";
import { askAgent } from "./agent.ts";
import { cancelBackfill } from "./cancel-backfill.ts";
import type { HostRequest } from "./host-request.ts";
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
  /** Told what `cancelBackfill` takes, just before a start is asked for, and again with the id that it has. */
  readonly onStart?: (asked: HostRequest) => void;
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
  const { signal, log = silentLog, onPlan, onStart } = options;
  const asked: HostRequest = { request, id: null, release: null, failuresKnown: 0 };
  const plan = await askAgent(commands, "dry-run", asked, signal);
  onPlan?.(plan);
  const result = { plan, id: null, progress: null, failures: [] };
  if (!options.start) return { ...result, outcome: "planned" };
  if (plan.running !== null) throw runningError(plan.dag, plan.running);
  // Where every run has begun, one of ours that nobody watches may still be at it: the start finds it again.
  const begun = plan.kind === "periods" ? plan.under_way : 0;
  if (plan.counts.create + plan.counts.reprocess + begun === 0) return { ...result, outcome: "nothing" };
  signal?.throwIfAborted();
  const planned = { ...asked, release: plan.release };
  onStart?.(planned);
  // Not aborted half-way: a backfill whose id nobody knows is hard to cancel.
  const { id, resumed } = await askAgent(commands, "start", planned);
  onStart?.({ ...planned, id });
  if (resumed) log.info(`backfill ${id} of this range had begun: going on with it`);
  else log.info(`backfill ${id} is started`);
  return watch(commands, { ...planned, id }, { ...result, id }, { ...options, log });
}

type Watched = Omit<BackfillResult, "outcome">;

async function watch(
  commands: HostCommands,
  started: HostRequest & { readonly id: string },
  begun: Watched,
  options: BackfillOptions & { readonly log: Log },
): Promise<BackfillResult> {
  const { signal, log, onProgress, delay = wait } = options;
  let last = begun;
  let misses = 0;
  const cancel = async (): Promise<BackfillResult> => {
    await cancelBackfill(commands, started, { log });
    return { ...last, outcome: "cancelled" };
  };
  // Without Airflow's own backfill, each look also begins the next runs.
  const longest = begun.plan.kind === "periods" ? 5_000 : 10_000;
  // Short waits first: most backfills are of a few runs; then longer ones, which AWS's rate limits ask for.
  for (let milliseconds = 1000; ; milliseconds = Math.min(milliseconds * 1.2, longest)) {
    if (signal?.aborted) return cancel();
    try {
      const failuresKnown = last.failures.length > 0 ? (last.progress?.counts.failed ?? 0) : 0;
      const progress = await askAgent(commands, "status", { ...started, failuresKnown }, signal);
      last = { ...last, progress, failures: progress.failures.length > 0 ? progress.failures : last.failures };
      misses = 0;
      onProgress?.(progress);
      if (progress.done) return { ...last, outcome: outcomeOf(progress) };
    } catch (error) {
      if (signal?.aborted) return cancel();
      if (!(error instanceof TransientError) || ++misses >= PATIENCE) throw lost(error, started.id);
      log.warn(`${error.message}; looking again`);
    }
    await delay(milliseconds, signal);
  }
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

async function wait(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  // The next round sees the abort.
  await pause(milliseconds, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
}
