import type { DagId, TaskId } from "../ids.ts";

/** A checked scrape: what the later stages read. Paths are relative to the repository root, with `/`. */
export interface Scrape {
  /** The folder's name under `scrapes/`. */
  readonly name: string;
  /** `scrapes/NAME`. */
  readonly dir: string;
  readonly dags: readonly Dag[];
  /** The text of the scrape's README.md, which becomes each DAG's doc_md. */
  readonly readme: string;
}

export interface Dag {
  readonly id: DagId;
  readonly scrape: string;
  /** `scrapes/NAME/DAG_ID.yml`. */
  readonly file: string;
  /** Where the DAG's key stands in `file`; starts at 1. */
  readonly line: number;
  readonly owner: string;
  readonly description: string;
  readonly schedule: Schedule;
  /** ISO date or date-time without an offset, read in `timezone`. */
  readonly startDate: string;
  readonly endDate: string | null;
  /** An IANA time zone name; `UTC` when the YAML says none. */
  readonly timezone: string;
  readonly catchup: boolean;
  /** Whether it arrives paused in Airflow. */
  readonly paused: boolean;
  readonly maxActiveRuns: number | null;
  readonly tags: readonly string[];
  readonly params: Readonly<Record<string, ParamSpec>>;
  /** URL template with `{name}` variables, see url-template.ts. */
  readonly url: string | null;
  /** Path of the module with the functions, e.g. `scrapes/NAME/functions.ts`. */
  readonly callableFile: string | null;
  /** Path of the JSON configuration, e.g. `scrapes/NAME/config/config.json`. */
  readonly configPath: string | null;
  readonly email: readonly string[];
  readonly emailOn: { readonly failure: boolean; readonly retry: boolean; readonly success: boolean };
  readonly retries: number;
  readonly retryDelaySeconds: number;
  /** Runs every task once for each month of a range that two params name. */
  readonly eachMonth: { readonly from: string; readonly to: string } | null;
  /** In the order of the YAML. */
  readonly tasks: readonly Task[];
}

export type Schedule =
  | { readonly kind: "none" }
  | { readonly kind: "cron"; readonly expression: string }
  /** Runs once any/all of these tables were loaded by another DAG. */
  | { readonly kind: "assets"; readonly tables: readonly string[] };

/** A JSON Schema of one DAG param, plus its default: Airflow's trigger form is drawn from it. */
export interface ParamSpec {
  readonly default?: unknown;
  readonly [keyword: string]: unknown;
}

export type Task = ExtractTask | TransformTask | LoadTask;

interface TaskBase {
  readonly id: TaskId;
  /** Where the task's key stands in the DAG file; starts at 1. */
  readonly line: number;
  readonly dependencies: readonly TaskId[];
  /** null: the DAG's value. */
  readonly retries: number | null;
  readonly retryDelaySeconds: number | null;
  readonly executionTimeoutSeconds: number | null;
  readonly pool: string | null;
  /** Passed to the function; also URL template variables. */
  readonly params: Readonly<Record<string, JsonValue>>;
}

export interface ExtractTask extends TaskBase {
  readonly kind: "extract";
  readonly callable: string;
  readonly fileExtension: string;
  readonly comparisonCheck: boolean;
  /** How long after the end of the run's data interval what is not there yet is waited for; null: not at all. */
  readonly waitForDataSeconds: number | null;
}

export interface TransformTask extends TaskBase {
  readonly kind: "transform";
  readonly callable: string;
  readonly fileExtension: string;
  readonly comparisonCheck: boolean;
}

export interface LoadTask extends TaskBase {
  readonly kind: "load";
  /** The table, `dataset_name` in the YAML. */
  readonly table: string;
  readonly mode: WriteMode;
  readonly fields: readonly Field[];
  /** How many rows may go to quarantine before the load fails. */
  readonly maxBadRows: number;
  /** The names that its rows had before: it takes them over. */
  readonly adopts: readonly Adoption[];
}

/** Rows that a load task of another name left run by run, or a load with another slice template left slice by slice. */
export type Adoption = { readonly dag: string; readonly task: string } | { readonly slice: string };

export type WriteMode =
  /** `slice`: a template such as `{taxi_type}-{year}-{month}` that names what the rows are; a later load of the same slice replaces it. null: the run is the slice. */
  | { readonly kind: "append"; readonly slice: string | null }
  | { readonly kind: "replace" }
  | { readonly kind: "upsert"; readonly key: readonly string[] };

export interface Field {
  readonly name: string;
  readonly type: FieldType;
  readonly description: string | null;
}

/** Types of PostgreSQL that Redshift can hold, too. */
export type FieldType =
  | { readonly name: "NUMERIC"; readonly precision: number | null; readonly scale: number | null }
  | { readonly name: "VARCHAR"; readonly length: number }
  | { readonly name: "INTEGER" | "BIGINT" | "FLOAT" | "BOOLEAN" | "DATE" | "TIMESTAMP" | "TIMESTAMPTZ" | "TEXT" };

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** One finding about one place in one file. Lines and columns start at 1. */
export interface Problem {
  /** Relative to the repository root, with `/`. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly severity: "error" | "warning";
  /** Stable, kebab-case, e.g. `unknown-key`. */
  readonly code: string;
  readonly message: string;
  /** What to do about it; empty when the message says it all. */
  readonly hint: string;
}
