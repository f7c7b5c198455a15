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
  /** ISO date-time with an offset, by which the runs of a DAG are older and newer: the end of the data interval, or when the run was due. */
  readonly runDate: string;
  /** `YYYY-MM` of a DAG with each_month: runs are older and newer for the same month only. */
  readonly month: string | null;
  readonly table: string;
  /** A slice's template is already filled. */
  readonly mode: WriteMode;
  /** The template itself; null without a slice. */
  readonly sliceTemplate: string | null;
  readonly fields: readonly Field[];
  readonly maxBadRows: number;
  /** Digest of all else that makes the rows what they are: the DAG's code, configuration, spec and params. */
  readonly code: string;
  /** By task above the load that compares: the digest of its rows. */
  readonly confirms: Readonly<Record<string, string>>;
  readonly adopts: Adopted;
  /** A person asked for it: rows of a newer run are overwritten. */
  readonly overwriteNewer: boolean;
  readonly files: readonly LoadFile[];
  readonly signal?: AbortSignal;
}

/** Names that rows of this load had before; it takes the rows over, run by run or slice by slice. */
interface Adopted {
  readonly tasks: readonly { readonly dag: string; readonly task: string }[];
  /** Templates are already filled. */
  readonly slices: readonly string[];
}

export interface LoadFile {
  /** Its name for people and for the ledger. */
  readonly key: string;
  /** 64 lower-case hexadecimal digits; what is read must match it, or nothing is loaded. */
  readonly sha256: string;
  /** What `open` gives was made from bytes that matched already. */
  readonly isVerified?: true;
  /** The number of the first row's line, for people; by default it is the line after the header. */
  readonly firstLine?: number;
  /** How many rows were counted when the file was staged; null when nobody could. The load must read as many. */
  readonly rows: number | null;
  /** The file's rows as CSV, from the start; may be called several times, one after the other. */
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
  /** Set when the load wrote nothing since the table holds the rows of this newer run. */
  readonly newerRun: string | null;
}
