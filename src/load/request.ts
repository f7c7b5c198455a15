import type { Readable } from "node:stream";
import type { Field, WriteMode } from "../scrape/model.ts";

/** One run's rows for one table. All files enter in one transaction. */
export interface LoadRequest {
  readonly dag: string;
  readonly task: string;
  readonly runId: string;
  /** -1 for a task that is not mapped, as in Airflow. */
  readonly mapIndex: number;
  readonly release: string;
  readonly commit: string | null;
  /** ISO date-time with an offset; fills the column `scraping_execution_date`. */
  readonly executionDate: string;
  readonly table: string;
  /** A slice's template is already filled. */
  readonly mode: WriteMode;
  readonly fields: readonly Field[];
  readonly maxBadRows: number;
  readonly files: readonly LoadFile[];
  readonly signal?: AbortSignal;
}

export interface LoadFile {
  /** Its name for people and for the ledger. */
  readonly key: string;
  /** 64 lower-case hexadecimal digits; what is read must match it, or nothing is loaded. */
  readonly sha256: string;
  /** `csv` without a dot. */
  readonly extension: string;
  /** The file's bytes from the start; may be called several times, one after the other. */
  open(): Promise<Readable>;
}

export interface LoadResult {
  readonly loadId: string;
  readonly table: string;
  readonly rowsRead: number;
  /** Rows inserted, or for upsert inserted or changed. */
  readonly rowsWritten: number;
  readonly rowsQuarantined: number;
  /** The very same files were loaded before and their rows are still there: nothing was written. */
  readonly unchanged: boolean;
}
