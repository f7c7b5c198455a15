import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { backfillActions, decodeHostRequest } from "../../src/backfill/host-request.ts";
import { type BackfillInputs, parseBackfillRequest } from "../../src/backfill/request.ts";
import { type BackfillOptions, type BackfillResult, runBackfill } from "../../src/backfill/run-backfill.ts";
import type { CommandOutcome, HostCommands } from "../../src/deploy/host-commands.ts";
import { exitCodeOf, TransientError, UserError } from "../../src/errors.ts";
import type { AirflowRuns, Backfill, DagFacts, DagRun, NewBackfill } from "../../src/host/airflow-runs.ts";
import { backfill } from "../../src/host/backfill.ts";
import type { ReleasedSpec } from "../../src/host/released-spec.ts";
import { silentLog } from "../../src/log.ts";

const release = "1".repeat(64);

/** An Airflow of one DAG in memory: a run is queued when it is made, and `work` takes every run one state further. */
export class FakeAirflow implements AirflowRuns {
  facts: DagFacts = {
    paused: false,
    periodic: false,
    cron: null,
    release,
    start: new Date("2020-01-01T00:00:00Z"),
    end: null,
    broken: false,
    params: {},
  };
  now = new Date("2024-06-01T12:00:00Z");
  readonly stored: DagRun[] = [];
  readonly backfills: Backfill[] = [];
  /** The logical dates of the schedule. */
  schedule: Date[] = [];
  /** Periods (as their run's id contains them) whose runs fail. */
  failing: string[] = [];
  mostActive = 0;
  /** What was asked, in order. */
  readonly asked: string[] = [];

  work(): void {
    for (const run of this.stored) {
      if (run.state === "running") this.#set(run, { state: this.failing.some((name) => run.id.includes(name)) ? "failed" : "success" });
      else if (run.state === "queued" && !this.facts.paused) this.#set(run, { state: "running" });
    }
  }

  dag = async (dag: string): Promise<DagFacts | undefined> => (dag === "demo" ? this.facts : undefined);

  runs = async (_dag: string, from: Date, to: Date): Promise<DagRun[]> =>
    this.stored
      .filter(({ logicalDate }) => logicalDate !== null && logicalDate >= from && logicalDate <= to)
      .sort((a, b) => Number(a.logicalDate) - Number(b.logicalDate));

  activeRuns = async (_dag: string, prefix: string): Promise<DagRun[]> =>
    this.stored.filter(({ id, state }) => id.startsWith(prefix) && (state === "queued" || state === "running"));

  dryRun = async ({ from, to }: NewBackfill): Promise<Date[]> => {
    const underWay = new Set(
      this.stored.filter(({ state }) => state === "queued" || state === "running").map((run) => Number(run.logicalDate)),
    );
    return this.schedule.filter((date) => date >= from && date <= to && !underWay.has(Number(date)));
  };

  createBackfill = async (wanted: NewBackfill): Promise<Backfill | null> => {
    if (this.backfills.some(({ completed }) => !completed)) return null;
    const made = { id: String(this.backfills.length + 1), from: wanted.from, to: wanted.to, createdAt: this.now, completed: false };
    this.backfills.push(made);
    const dates = await this.dryRun(wanted);
    for (const date of wanted.newestFirst ? dates.reverse() : dates) {
      const there = this.stored.find(({ logicalDate }) => Number(logicalDate) === Number(date));
      if (there === undefined)
        this.#add({ id: `backfill__${date.toISOString()}`, type: "backfill", logicalDate: date, conf: wanted.conf, note: null });
      else if (wanted.reprocess === "completed" || there.state === wanted.reprocess)
        this.#set(there, { state: "queued", type: "backfill", queuedAt: this.now });
    }
    return made;
  };

  openBackfills = async (): Promise<Backfill[]> => this.backfills.filter(({ completed }) => !completed);
  backfill = async (id: string): Promise<Backfill | undefined> => this.backfills.find((known) => known.id === id);

  cancelBackfill = async (id: string): Promise<void> => {
    const index = this.backfills.findIndex((known) => known.id === id);
    const found = this.backfills[index];
    if (found !== undefined) this.backfills[index] = { ...found, completed: true };
    for (const run of this.stored) if (run.type === "backfill" && run.state === "queued") this.#set(run, { state: "failed" });
  };

  trigger: AirflowRuns["trigger"] = async (_dag, { id, start, conf, note }) => {
    this.asked.push(`trigger ${id}`);
    if (this.stored.some((run) => run.id === id || Number(run.logicalDate) === Number(start))) return false;
    this.#add({ id, type: "manual", logicalDate: start, conf, note });
    return true;
  };

  clear: AirflowRuns["clear"] = async (_dag, id, note) => {
    this.asked.push(`clear ${id}`);
    this.#change(id, { state: "queued", note });
  };
  fail: AirflowRuns["fail"] = async (_dag, id, note) => this.#change(id, { state: "failed", note });
  annotate: AirflowRuns["annotate"] = async (_dag, id, note) => this.#change(id, { note });
  remove: AirflowRuns["remove"] = async (_dag, id) => {
    this.asked.push(`remove ${id}`);
    this.stored.splice(
      this.stored.findIndex((run) => run.id === id),
      1,
    );
  };
  failedTask = async (): Promise<{ task: string; message: string }> => ({ task: "extract", message: "the server said 500" });

  add(run: Partial<DagRun> & { id: string; logicalDate: Date }): void {
    this.stored.push({ state: "success", type: "manual", queuedAt: new Date(0), note: null, conf: {}, ...run });
  }

  #add(run: Omit<DagRun, "state" | "queuedAt">): void {
    this.stored.push({ ...run, state: "queued", queuedAt: this.now });
    const active = this.stored.filter(({ state }) => state === "queued" || state === "running").length;
    this.mostActive = Math.max(this.mostActive, active);
  }

  #change(id: string, changes: Partial<DagRun>): void {
    const run = this.stored.find((known) => known.id === id);
    if (run === undefined) throw new Error(`no run ${id}`);
    this.#set(run, changes);
  }

  #set(run: DagRun, changes: Partial<DagRun>): void {
    this.stored[this.stored.indexOf(run)] = { ...run, ...changes };
  }
}

/** A zone west of UTC, whose days begin hours after those of UTC. */
const west = "America/Santiago";

/** A host whose SSM command is the real agent's code, over an Airflow in memory. Its release has the DAGs `demo` and `other_dag`. */
export function fakeHost(airflow: FakeAirflow, { timezone = west, each_month = null }: Partial<ReleasedSpec> = {}) {
  const home = mkdtempSync(join(tmpdir(), "dagline-backfill-"));
  const folder = join(home, "releases", release);
  for (const name of ["dags", "specs"]) mkdirSync(join(folder, name), { recursive: true });
  for (const name of ["demo", "other_dag"]) writeFileSync(join(folder, "dags", `${name}.py`), "");
  writeFileSync(join(folder, "specs", "demo.json"), JSON.stringify({ timezone, each_month }));
  writeFileSync(join(home, "active.json"), JSON.stringify({ release, previous: null, commit: null, activated_at: "" }));
  const actions: string[] = [];
  const host = { home, runs: airflow, now: () => airflow.now, log: silentLog };
  const commands: HostCommands = {
    async run(document, { Action, Request = "" }, { signal }): Promise<CommandOutcome> {
      signal?.throwIfAborted();
      const action = backfillActions.find((known) => known === Action);
      if (document !== "dagline-backfill" || action === undefined) throw new Error(`not to be run: ${document} ${Action}`);
      actions.push(action);
      const print = (exitCode: number, answer: unknown): CommandOutcome => {
        const stdout = `${JSON.stringify(answer)}\n`.slice(0, 24_000);
        return { status: exitCode === 0 ? "Success" : "Failed", exitCode, stdout, stderr: "" };
      };
      try {
        return print(0, await backfill(host, action, decodeHostRequest(Request)));
      } catch (error) {
        if (!(error instanceof UserError || error instanceof TransientError)) throw error;
        return print(exitCodeOf(error), { ok: false, error: { message: error.message, hint: error.hint ?? null } });
      }
    },
  };
  return { commands, actions, remove: () => rmSync(home, { recursive: true }) };
}

/** Runs a backfill of `demo` on it, January to March 2024; between two looks, every run goes one state further. */
export function backfillOf(
  airflow: FakeAirflow,
  commands: HostCommands,
  inputs: Partial<BackfillInputs> = {},
  options: Partial<BackfillOptions> = {},
): Promise<BackfillResult> {
  const request = parseBackfillRequest({ dag: "demo", from: "2024-01", to: "2024-03", ...inputs });
  return runBackfill(commands, request, { start: true, delay: async () => airflow.work(), ...options });
}

/** Gives `demo` a schedule, which has so many dates from 1 January 2024 on. */
export function scheduleDaily(airflow: FakeAirflow, days: number): void {
  airflow.facts = { ...airflow.facts, periodic: true, cron: "0 9 * * *" };
  airflow.schedule = Array.from({ length: days }, (_, day) => new Date(Date.UTC(2024, 0, day + 1, 9)));
}
