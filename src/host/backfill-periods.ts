import { createHash } from "node:crypto";
import type { HostRequest } from "../backfill/host-request.ts";
import { actionFor, type BackfillPlan, isUnderWay, type PlannedRun, runningError, summarise } from "../backfill/plan.ts";
import { type BackfillProgress, progressOf, type RunProgress } from "../backfill/progress.ts";
import { boundsOf, everyOf, periodsOf } from "../backfill/range.ts";
import { TransientError, UserError } from "../errors.ts";
import { canonicalJson } from "../release/canonical-json.ts";
import type { JsonValue } from "../scrape/model.ts";
import type { Period } from "../time/period.ts";
import { wallClock } from "../time/zone.ts";
import type { DagRun } from "./airflow-runs.ts";
import { type BackfillDag, type BackfillHost, type HostBackfill, movedSince, tooManyRuns } from "./backfill-dag.ts";
import { failuresOf } from "./backfill-failures.ts";

/** Airflow keeps ids that begin with `backfill__` for its own. */
const PREFIX = "dagline_backfill__";
/** A day begins at most 26 hours earlier or later in another time zone. */
const ZONES_APART = 26 * 3_600_000;

/** A period with the run that is there for it, and whether this backfill made or cleared that run. */
interface PeriodRun extends PlannedRun {
  readonly when: Period;
  readonly run: DagRun | undefined;
  readonly mark: Mark | undefined;
  /** What the run is called when it is made. */
  readonly newId: string;
}

/**
 * A backfill of a DAG without a schedule, for which Airflow has none: one run for each month or day. Everything that is known of it stands
 * in Airflow: a run's id names its period, and its note the backfill that began it. Each `status` begins as many more runs as may
 * be active, so a backfill whose watcher died goes on when it is started again.
 */
export function backfillPeriods({ runs: airflow, now, log }: BackfillHost, dag: BackfillDag, asked: HostRequest): HostBackfill {
  const { request } = asked;
  const every = everyOf(request);

  return {
    async plan(): Promise<BackfillPlan> {
      refuseParts(request, dag.timezone);
      const { runs, notes } = await readRuns();
      const active = await activeOfOthers();
      const plain = runs.map(({ period, run_id, state, action }) => ({ period, run_id, state, action }));
      const { id, release, timezone, paused } = dag;
      const running = active === undefined ? null : `backfill ${active}`;
      return { dag: id, release, kind: "periods", timezone, paused, running, ...summarise(plain), notes };
    },

    async start() {
      const { runs } = await readRuns();
      const other = await activeOfOthers();
      if (other !== undefined) throw runningError(dag.id, `backfill ${other}`);
      const before = unfinishedBackfill(runs);
      const id = before ?? `${digest()}-${now().getTime().toString(36)}`;
      await beginMore(id, runs);
      return { id, resumed: before !== undefined };
    },

    async status(): Promise<BackfillProgress> {
      const id = idOf(asked);
      const { runs } = await readRuns();
      const cancelled = wasCancelled(id, runs) ? "it was cancelled" : null;
      const halted = cancelled ?? movedSince(dag, asked) ?? (dag.paused ? `${dag.id} was paused meanwhile` : null);
      const begun = halted === null ? await beginMore(id, runs) : new Set<string>();
      const progress = runs.flatMap((run): RunProgress[] => {
        const mine = run.mark?.id === id;
        if (!mine && run.action === "skip") return [];
        const state = begun.has(run.period) ? "queued" : mine ? (run.state ?? "waiting") : "waiting";
        return [{ period: run.period, run_id: run.run_id ?? "", state }];
      });
      return progressOf(id, progress, await failuresOf(airflow, dag.id, progress, asked.failuresKnown), halted);
    },

    async cancel() {
      const { runs } = await readRuns();
      const id = asked.id ?? unfinishedBackfill(runs) ?? null;
      if (id === null) return { id, cancelled: 0, running: 0 };
      const mine = runs.filter(({ mark }) => mark?.id === id);
      const began = mine.flatMap(({ run }) => run ?? []);
      const [queued, running] = ["queued", "running"].map((state) => began.filter((run) => run.state === state));
      for (const run of queued ?? []) await airflow.fail(dag.id, run.id, markText({ id, cancelled: "before" }));
      // Whoever else watches it must see that it was cancelled, even when no run of it waited.
      const ended = wasCancelled(id, runs) ? [] : began.filter(({ state }) => state !== "queued").slice(-1);
      const others = running?.length === 0 ? ended : running;
      for (const run of others ?? []) await airflow.annotate(dag.id, run.id, markText({ id, cancelled: "while" }));
      return { id, cancelled: queued?.length ?? 0, running: running?.length ?? 0 };
    },
  };

  async function readRuns(): Promise<{ runs: PeriodRun[]; notes: string[] }> {
    const { periods, notes } = choosePeriods(dag, asked, now());
    const [first, last] = [periods[0], periods.at(-1)];
    if (first === undefined || last === undefined) {
      throw new UserError(`there is no run of ${dag.id} to make from ${request.from} to ${request.to}: ${notes.join("; ") || "no period"}`);
    }
    const [from, to] = [first.start.getTime() - ZONES_APART, last.start.getTime() + ZONES_APART];
    const existing = await airflow.runs(dag.id, new Date(from), new Date(to));
    const found = new Map(existing.map((run) => [run.logicalDate?.getTime(), run]));
    const dateOfId = new Map(existing.map((run) => [run.id, run.logicalDate?.getTime()]));
    const runs = periods.map((when): PeriodRun => {
      const run = found.get(when.start.getTime());
      const mark = readMark(run?.note ?? null);
      const state = run === undefined ? null : run.state === "failed" && mark?.cancelled === "before" ? "cancelled" : run.state;
      const newId = newIdOf(when, dateOfId);
      return { period: when.name, run_id: run?.id ?? newId, state, action: actionFor(state, request.reprocess), when, run, mark, newId };
    });
    const old = runs.flatMap(({ period, newId }) => (newId === `${PREFIX}${period}` ? [] : [`${PREFIX}${period}`]));
    if (old.length > 0) notes.push(`${old.length} of the range had a run in another time zone, which stays: ${cutText(old)}`);
    if (request.newestFirst) runs.reverse();
    return { runs, notes };
  }

  /** Begins runs in their order until as many are active as may be. Returns the periods of those that it began. */
  async function beginMore(id: string, runs: readonly PeriodRun[]): Promise<Set<string>> {
    const mine = runs.filter(({ mark, state }) => mark?.id === id && isUnderWay(state));
    const active = new Set([...(await airflow.activeRuns(dag.id, PREFIX)), ...mine.flatMap(({ run }) => run ?? [])].map((run) => run.id));
    const waiting = runs.filter(({ action, mark }) => action !== "skip" && mark?.id !== id);
    const chosen = waiting.slice(0, Math.max(0, request.maxActiveRuns - active.size));
    for (const run of chosen) await begin(id, run);
    return new Set(chosen.map(({ period }) => period));
  }

  async function begin(id: string, { run, when, newId }: PeriodRun): Promise<void> {
    const note = markText({ id, cancelled: null });
    const conf = confOf(when);
    // A run keeps the params that it was made with, so one with others is made anew.
    if (run !== undefined && sameJson(run.conf, conf)) return airflow.clear(dag.id, run.id, note);
    if (run !== undefined) await airflow.remove(dag.id, run.id);
    const created = await airflow.trigger(dag.id, { id: newId, start: when.start, end: when.end, conf, note });
    if (!created) log.info(`${when.name} was begun by somebody else meanwhile`);
  }

  function confOf({ name }: Period): Readonly<Record<string, JsonValue>> {
    if (dag.eachMonth === null) return request.params;
    return { ...request.params, [dag.eachMonth.from]: name, [dag.eachMonth.to]: name };
  }

  /** The id of a backfill of other runs, or with other params, that has runs under way. */
  async function activeOfOthers(): Promise<string | undefined> {
    const marks = (await airflow.activeRuns(dag.id, PREFIX)).flatMap(({ note, id }) => readMark(note) ?? { id, cancelled: null });
    return marks.find(({ id }) => !id.startsWith(`${digest()}-`))?.id;
  }

  /** The newest backfill of this very request that has not begun all its runs, or that still runs. */
  function unfinishedBackfill(runs: readonly PeriodRun[]): string | undefined {
    const ids = runs.flatMap(({ mark }) => (mark?.id.startsWith(`${digest()}-`) ? [mark.id] : []));
    const newest = ids.toSorted((a, b) => startedAt(b) - startedAt(a))[0];
    if (newest === undefined || wasCancelled(newest, runs)) return undefined;
    return runs.some((run) => (run.mark?.id === newest ? isUnderWay(run.state) : run.action !== "skip")) ? newest : undefined;
  }

  /** What makes two starts the same backfill. */
  function digest(): string {
    const { from, to, params, reprocess } = request;
    return createHash("sha256").update(canonicalJson({ from, to, every, params, reprocess })).digest("hex").slice(0, 8);
  }
}

/** The period's name, with its start where a run of that name has another: the DAG had another time zone then. */
function newIdOf({ name, start }: Period, dateOfId: ReadonlyMap<string, number | undefined>): string {
  const id = `${PREFIX}${name}`;
  const free = !dateOfId.has(id) || dateOfId.get(id) === start.getTime();
  return free ? id : `${id}_${start.toISOString().slice(0, 16)}Z`;
}

function choosePeriods(dag: BackfillDag, { request }: HostRequest, now: Date): { periods: Period[]; notes: string[] } {
  if (dag.eachMonth !== null && everyOf(request) === "day") {
    throw new UserError(`${dag.id} runs for months (each_month), not for days`, { hint: "Write from and to as months, or every: month." });
  }
  const all = periodsOf(request, dag.timezone, request.maxRuns + 1);
  if (all.length > request.maxRuns) throw tooManyRuns(dag.id, null, request.maxRuns);
  const skipped = all.filter(({ start, end }) => start >= end);
  const days = all.filter((period) => !skipped.includes(period));
  // Airflow gives a run of before the DAG's start_date no tasks and calls it a success.
  const early = days.filter(({ start }) => dag.start !== null && start < dag.start);
  const late = days.filter(({ start, end }) => end > now || (dag.end !== null && start > dag.end));
  const notes = skipped.map(({ name }) => `${name} is not a day in ${dag.timezone}: its clocks skipped it`);
  if (early.length > 0) notes.push(`${early.length} of the range are before the DAG's start_date (${dateOf(dag.start, dag.timezone)})`);
  if (late.length > 0) notes.push(`${late.length} of the range are not over yet, or after the DAG's end_date`);
  return { periods: days.filter((period) => !early.includes(period) && !late.includes(period)), notes };
}

/** A run loads its month or day whole: also what was not asked for. */
function refuseParts(request: HostRequest["request"], zone: string): void {
  const periods = periodsOf(request, zone, request.maxRuns);
  const { from, to } = boundsOf(request, zone);
  const early = periods.find(({ start }) => start < from);
  const late = periods.find(({ end }) => end.getTime() > to.getTime() + 1);
  const [how, name] = early === undefined ? ["ends", late?.name] : ["begins", early.name];
  if (name === undefined) return;
  throw new UserError(`the range ${how} within ${name}, which a run loads whole`, {
    hint: `Write from and to as ${everyOf(request)}s, such as ${name}.`,
  });
}

function cutText(names: readonly string[]): string {
  return `${names.slice(0, 3).join(", ")}${names.length > 3 ? ", …" : ""}`;
}

function dateOf(date: Date | null, zone: string): string {
  return date === null ? "" : new Date(wallClock(date.getTime(), zone)).toISOString().slice(0, 10);
}

/** What a run's note says of the backfill that began it. */
interface Mark {
  readonly id: string;
  /** Whether that backfill was cancelled, before this run began or while it ran. */
  readonly cancelled: "before" | "while" | null;
}

function markText({ id, cancelled }: Mark): string {
  return `dagline backfill ${id}${cancelled === null ? "" : `, cancelled ${cancelled} this run ran`}`;
}

function readMark(note: string | null): Mark | undefined {
  const match = /^dagline backfill ([0-9a-f]{8}-[0-9a-z]+)(?:, cancelled (before|while))?/.exec(note ?? "");
  const [, id, cancelled] = match ?? [];
  return id === undefined ? undefined : { id, cancelled: cancelled === "before" || cancelled === "while" ? cancelled : null };
}

function wasCancelled(id: string, runs: readonly PeriodRun[]): boolean {
  return runs.some(({ mark }) => mark?.id === id && mark.cancelled !== null);
}

function startedAt(id: string): number {
  return Number.parseInt(id.slice(9), 36);
}

function sameJson(a: unknown, b: unknown): boolean {
  return Buffer.from(canonicalJson(a)).equals(canonicalJson(b));
}

function idOf({ id }: HostRequest): string {
  if (id === null) throw new TransientError("the request does not say which backfill", { hint: "Start it again: it goes on from there." });
  return id;
}
