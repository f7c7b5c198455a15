/** What a scrape's functions import as "dagline". Nothing heavy: it is bundled into every scrape. */
import type { JsonValue } from "../scrape/model.ts";

export { TransientError, UserError } from "../errors.ts";
export { csvTable } from "../tables/csv-dialect.ts";
export { type DownloadOptions, download } from "./download.ts";
export { isSkip, Skip } from "./skip.ts";

/** Lines of the task's log in Airflow. */
export interface TaskLog {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** The stretch of time that a run is for; `end` is not part of it. */
export interface Interval {
  readonly start: Date;
  readonly end: Date;
}

interface BaseContext<Config> {
  /** The path of a file that does not exist yet: what the function writes there is its result. Its folder is the task's own; it is removed afterwards. */
  readonly output: string;
  /** The run's data interval, or the month of `each_month` in the DAG's time zone; null for a run on demand. Both ends are instants. */
  readonly interval: Interval | null;
  /** The DAG's params with the run's values, and the task's own over them. */
  readonly params: Readonly<Record<string, JsonValue>>;
  /** The parsed `config_path` file; null when the DAG has none. */
  readonly config: Config;
  readonly log: TaskLog;
  /** Aborts when the task is killed or runs out of its time. */
  readonly signal: AbortSignal;
  /** Like the global `fetch`; aborts with the signal, and reaches the local stack's data where one stands in for an origin. */
  readonly fetch: typeof globalThis.fetch;
}

export interface ExtractContext<Config = JsonValue> extends BaseContext<Config> {
  /** The DAG's `url` with its variables filled in for this run; empty when the DAG has none. */
  readonly url: string;
  /** By task id, the files of the tasks that this one depends on; most extracts have none. */
  readonly inputs: Readonly<Record<string, string>>;
}

export interface TransformContext<Config = JsonValue> extends BaseContext<Config> {
  /** The file of the first dependency. */
  readonly input: string;
  /** By task id, the files of all dependencies. */
  readonly inputs: Readonly<Record<string, string>>;
}

export type Extract<Config = JsonValue> = (context: ExtractContext<Config>) => Promise<void>;
export type Transform<Config = JsonValue> = (context: TransformContext<Config>) => Promise<void>;
