import type { DagId, ReleaseId } from "../ids.ts";

/** What the agent asks of Airflow. The adapter is src/services/airflow-host.ts. */
export interface Airflow {
  /** How many DAGs of our bundle are served, and how many of these at this release. Cheap, whatever their number. */
  countServed(release: ReleaseId): Promise<{ readonly all: number; readonly ofRelease: number }>;
  /** All DAGs of our bundle that are served. */
  served(): Promise<ServedDag[]>;
  /** The files of our bundle that did not import. */
  importErrors(): Promise<ImportError[]>;
  /** In words, what of Airflow is not healthy; empty when all is well. */
  unhealthy(): Promise<string[]>;
  /** The runs that have not ended, whatever their DAG, the oldest first; at most ten thousand. */
  unfinishedRuns(): Promise<UnfinishedRun[]>;
  /** The DAGs that are served beside our bundle's, since they have runs which have not ended. */
  servedBeside(): Promise<string[]>;
  /** The DAGs of our bundle that are paused; `served` false: those that no release has any more and that Airflow still knows. */
  paused(): Promise<PausedDag[]>;
  setPaused(dag: DagId, paused: boolean): Promise<void>;
  /** Whether a run that has not ended belongs to this release. */
  isInUse(release: ReleaseId): Promise<boolean>;
}

export interface ServedDag {
  readonly dag: DagId;
  readonly release: string | null;
  /** Where Airflow read it. */
  readonly file: string;
}

export interface UnfinishedRun {
  readonly dag: string;
  /** The version of the bundle that it belongs to: of ours, a release. */
  readonly release: string | null;
}

export interface PausedDag {
  readonly dag: DagId;
  readonly served: boolean;
}

export interface ImportError {
  /** Relative to the bundle, e.g. `taxi_zones.py`. */
  readonly file: string;
  readonly trace: string;
  readonly at: Date;
}
