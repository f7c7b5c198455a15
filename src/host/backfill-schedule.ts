import type { HostRequest } from "../backfill/host-request.ts";
import { actionFor, type BackfillPlan, isUnderWay, type PlannedRun, runningError, summarise } from "../backfill/plan.ts";
import { type BackfillProgress, progressOf, type RunProgress } from "../backfill/progress.ts";
import { boundsOf } from "../backfill/range.ts";
import { TransientError, UserError } from "../errors.ts";
import { parseCron } from "../time/cron.ts";
import { dueRuns } from "../time/data-intervals.ts";
import type { Backfill, DagRun, NewBackfill } from "./airflow-runs.ts";
import { type BackfillDag, type BackfillHost, type HostBackfill, tooManyRuns } from "./backfill-dag.ts";
import { failuresOf } from "./backfill-failures.ts";

/** A backfill of a schedule's past runs: Airflow's own, which goes on whether somebody watches or not. */
export function backfillSchedule({ runs: airflow }: BackfillHost, dag: BackfillDag, asked: HostRequest): HostBackfill {
  const { request } = asked;
  const bounds = boundsOf(request, dag.timezone);
  const wanted: NewBackfill = {
    ...bounds,
    dag: dag.id,
    reprocess: request.reprocess,
    maxActiveRuns: request.maxActiveRuns,
    newestFirst: request.newestFirst,
    conf: request.params,
  };
  const own = async (id: string | null): Promise<{ backfill: Backfill; runs: DagRun[] }> => {
    const backfill = id === null ? undefined : await airflow.backfill(id);
    if (backfill === undefined) throw new UserError(`Airflow knows no backfill ${id} of ${dag.id}`);
    return { backfill, runs: await runsOf(backfill) };
  };
  // Airflow does not say which runs are a backfill's: they are those of its range that were queued since it was made.
  const runsOf = async ({ from, to, createdAt }: Backfill): Promise<DagRun[]> =>
    (await airflow.runs(dag.id, from, to)).filter(
      ({ type, queuedAt }) => type === "backfill" && queuedAt !== null && queuedAt >= createdAt,
    );

  /** Of the backfills that Airflow has not marked as complete: whether all runs have ended. One without runs is being made. */
  const openBackfills = async (): Promise<{ backfill: Backfill; ended: boolean }[]> => {
    const open: { backfill: Backfill; ended: boolean }[] = [];
    for (const backfill of await airflow.openBackfills(dag.id)) {
      const runs = await runsOf(backfill);
      open.push({ backfill, ended: runs.length > 0 && !runs.some(({ state }) => isUnderWay(state)) });
    }
    return open;
  };

  return {
    async plan(): Promise<BackfillPlan> {
      if (request.every !== null) {
        throw new UserError(`${dag.id} has a schedule (${dag.cron}): its runs are those of the schedule, not one every ${request.every}`, {
          hint: "Leave `every` out.",
        });
      }
      if (hasMoreThan(request.maxRuns, dag, bounds)) throw tooManyRuns(dag.id, null, request.maxRuns);
      const runs = await planRuns();
      if (runs.length === 0) {
        throw new UserError(`no interval of ${dag.id} (${dag.cron}, ${dag.timezone}) from ${request.from} to ${request.to} has ended`, {
          hint: "An interval is run once it is over, and counts where it begins.",
        });
      }
      if (runs.length > request.maxRuns) throw tooManyRuns(dag.id, runs.length, request.maxRuns);
      const running = (await openBackfills()).find(({ ended }) => !ended);
      const { id, release, timezone, paused } = dag;
      const words = running === undefined ? null : inWords(running.backfill);
      return { dag: id, release, kind: "schedule", timezone, paused, running: words, ...summarise(runs), notes: [] };
    },

    async start() {
      const created = await createBackfill();
      return { id: created.id, resumed: false };
    },

    async status(): Promise<BackfillProgress> {
      const { backfill, runs } = await own(asked.id);
      const progress = runs.map((run): RunProgress => ({ period: run.logicalDate?.toISOString() ?? "", run_id: run.id, state: run.state }));
      const halted = dag.paused ? `${dag.id} was paused meanwhile` : null;
      const failures = await failuresOf(airflow, dag.id, progress, asked.failuresKnown);
      return progressOf(backfill.id, progress, failures, halted);
    },

    async cancel() {
      const id = asked.id ?? (await unfinishedId());
      if (id === null) return { id, cancelled: 0, running: 0 };
      const { backfill, runs } = await own(id);
      await airflow.cancelBackfill(backfill.id);
      const count = (state: string): number => runs.filter((run) => run.state === state).length;
      return { id, cancelled: count("queued"), running: count("running") };
    },
  };

  /** A DAG has one at a time, so the one of this very range is this request's. */
  async function unfinishedId(): Promise<string | null> {
    const sameRange = ({ from, to }: Backfill): boolean => Number(from) === Number(bounds.from) && Number(to) === Number(bounds.to);
    return (await openBackfills()).find(({ backfill, ended }) => !ended && sameRange(backfill))?.backfill.id ?? null;
  }

  async function planRuns(): Promise<PlannedRun[]> {
    const [dates, existing] = await Promise.all([airflow.dryRun(wanted), airflow.runs(dag.id, bounds.from, bounds.to)]);
    const found = new Map(existing.map((run) => [run.logicalDate?.getTime(), run]));
    // The dry run leaves out what is under way.
    const underWay = existing
      .filter((run) => isUnderWay(run.state) && run.type !== "manual")
      .flatMap(({ logicalDate }) => logicalDate ?? []);
    const all = [...new Set([...dates, ...underWay].map((date) => date.getTime()))].sort((a, b) => a - b);
    if (request.newestFirst) all.reverse();
    return all.map((time) => {
      const run = found.get(time);
      const state = run?.state ?? null;
      return { period: new Date(time).toISOString(), run_id: run?.id ?? null, state, action: actionFor(state, request.reprocess) };
    });
  }

  async function createBackfill(): Promise<Backfill> {
    const created = await airflow.createBackfill(wanted);
    if (created !== null) return created;
    const open = await openBackfills();
    const running = open.find(({ ended }) => !ended);
    if (running !== undefined) throw runningError(dag.id, inWords(running.backfill));
    // Airflow, which looks every half minute, has not marked it yet.
    for (const { backfill } of open) await airflow.cancelBackfill(backfill.id);
    const again = await airflow.createBackfill(wanted);
    if (again === null) throw new TransientError(`another backfill of ${dag.id} has just begun`, { hint: "Try again in a minute." });
    return again;
  }
}

function inWords({ id, from, to, createdAt }: Backfill): string {
  return `backfill ${id}, ${from.toISOString()} to ${to.toISOString()}, begun ${createdAt.toISOString()}`;
}

/** Before Airflow is asked for them: it takes long over tens of thousands. A schedule that is refused by now is left to Airflow's own count. */
function hasMoreThan(most: number, { cron: expression, timezone }: BackfillDag, { from, to }: { from: Date; to: Date }): boolean {
  const cron = parseCron(expression ?? "");
  if ("message" in cron) return false;
  const restriction = { earliest: from.getTime(), latest: to.getTime(), catchup: true };
  // Those that have ended by the end of the range, one less than Airflow may find.
  return dueRuns({ cron, zone: timezone }, restriction, null, to.getTime()).count > most;
}
