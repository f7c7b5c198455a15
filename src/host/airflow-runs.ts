import type { DagId } from "../ids.ts";
import type { JsonValue, ParamSpec } from "../scrape/model.ts";

/** What a backfill asks of Airflow. The adapter is src/services/airflow-runs.ts. */
export interface AirflowRuns {
  /** Undefined when Airflow does not serve it. */
  dag(dag: DagId): Promise<DagFacts | undefined>;
  /** The runs whose logical date is in the range, both ends included, oldest first. */
  runs(dag: DagId, from: Date, to: Date): Promise<DagRun[]>;
  /** The runs of any date whose id begins so and that have not ended. */
  activeRuns(dag: DagId, prefix: string): Promise<DagRun[]>;

  /** The logical dates of the schedule that a backfill would run, whatever is there, but for those under way. */
  dryRun(backfill: NewBackfill): Promise<Date[]>;
  /** Creates all of a backfill's runs at once. Null when Airflow says that another backfill of this DAG runs. */
  createBackfill(backfill: NewBackfill): Promise<Backfill | null>;
  /** The backfills of a DAG that Airflow has not marked as complete. */
  openBackfills(dag: DagId): Promise<Backfill[]>;
  backfill(id: string): Promise<Backfill | undefined>;
  /** Fails the backfill's queued runs and marks it as complete; one that is complete stays as it is. */
  cancelBackfill(id: string): Promise<void>;

  /** False when there is a run of that id or logical date already. */
  trigger(dag: DagId, run: NewRun): Promise<boolean>;
  /** Runs a run again, on the latest release. */
  clear(dag: DagId, runId: string, note: string): Promise<void>;
  remove(dag: DagId, runId: string): Promise<void>;
  /** Ends a run as failed. */
  fail(dag: DagId, runId: string, note: string): Promise<void>;
  annotate(dag: DagId, runId: string, note: string): Promise<void>;
  /** The task that failed first, and the last error of its log in one line. */
  failedTask(dag: DagId, runId: string): Promise<{ readonly task: string; readonly message: string } | undefined>;
}

/** The time zone is not among them: Airflow's API says UTC of every DAG (apache/airflow#49720). */
export interface DagFacts {
  readonly paused: boolean;
  /** Whether it has a schedule of which runs can be made up for. */
  readonly periodic: boolean;
  /** The cron expression of its schedule. */
  readonly cron: string | null;
  /** The release that its next run would belong to. */
  readonly release: string | null;
  readonly start: Date | null;
  readonly end: Date | null;
  readonly broken: boolean;
  /** Each with its default as `default`, null when it has none. */
  readonly params: Readonly<Record<string, ParamSpec>>;
}

export interface DagRun {
  readonly id: string;
  readonly state: string;
  /** Airflow's type: scheduled, manual, backfill, asset_triggered. */
  readonly type: string;
  readonly logicalDate: Date | null;
  readonly queuedAt: Date | null;
  readonly note: string | null;
  readonly conf: Readonly<Record<string, JsonValue>>;
}

export interface NewRun {
  readonly id: string;
  /** The data interval; its start is the logical date. */
  readonly start: Date;
  readonly end: Date;
  readonly conf: Readonly<Record<string, JsonValue>>;
  readonly note: string;
}

export interface NewBackfill {
  readonly dag: DagId;
  readonly from: Date;
  readonly to: Date;
  readonly reprocess: "none" | "failed" | "completed";
  readonly maxActiveRuns: number;
  readonly newestFirst: boolean;
  readonly conf: Readonly<Record<string, JsonValue>>;
}

export interface Backfill {
  readonly id: string;
  readonly from: Date;
  readonly to: Date;
  readonly createdAt: Date;
  readonly completed: boolean;
}
