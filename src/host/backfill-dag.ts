import type { HostRequest } from "../backfill/host-request.ts";
import type { BackfillPlan } from "../backfill/plan.ts";
import type { BackfillProgress } from "../backfill/progress.ts";
import { UserError } from "../errors.ts";
import { type DagId, type ReleaseId, shortId } from "../ids.ts";
import type { Log } from "../log.ts";
import type { AirflowRuns, DagFacts } from "./airflow-runs.ts";

/** What a backfill needs of the machine. */
export interface BackfillHost {
  readonly home: string;
  readonly runs: AirflowRuns;
  readonly now: () => Date;
  readonly log: Log;
}

/** One backfill of one DAG: Airflow's own for a schedule, ours where Airflow has none. */
export interface HostBackfill {
  plan(): Promise<BackfillPlan>;
  /** Creates the runs, or the first of them. `resumed`: goes on with one that had begun. */
  start(): Promise<{ readonly id: string; readonly resumed: boolean }>;
  status(): Promise<BackfillProgress>;
  /** Runs that had not begun are ended; `running` ones finish. Without an id it is the unfinished one of this request; the answer's is null when there is none. */
  cancel(): Promise<{ readonly id: string | null; readonly cancelled: number; readonly running: number }>;
}

/** The DAG as it is served, with what its release says of it. */
export interface BackfillDag extends DagFacts {
  readonly id: DagId;
  /** The two params whose range of months the DAG is mapped over. */
  readonly eachMonth: { readonly from: string; readonly to: string } | null;
  /** In which its dates are read. */
  readonly timezone: string;
}

/** Why no run of this plan may begin any more: the DAG is of another release than the one that was planned for. */
export function movedSince({ id, release }: BackfillDag, { release: planned }: HostRequest): string | null {
  if (planned === null || planned === release) return null;
  return `${id} is now of release ${shortOf(release)}, and the backfill was planned for release ${shortOf(planned)}`;
}

export function pausedError(dag: DagId): UserError {
  return new UserError(`${dag} is paused: its runs would wait without end`, {
    hint: "Unpause it in Airflow first. A DAG with a schedule then also runs for its latest interval, or catches up if it says so.",
  });
}

export function tooManyRuns(dag: DagId, count: number | null, most: number): UserError {
  const runs = count === null ? "more runs" : `${count} runs`;
  return new UserError(`this range of ${dag} has ${runs}${count === null ? "" : ", more"} than the ${most} that are allowed`, {
    hint: "Choose a shorter range, or allow more with --max-runs (the input max_runs).",
  });
}

function shortOf(release: string | null): string {
  return release === null ? "none" : shortId(release as ReleaseId);
}
