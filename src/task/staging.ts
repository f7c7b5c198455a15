import type { Readable } from "node:stream";
import type { Field } from "../scrape/model.ts";
import type { TableDescription } from "../tables/describe.ts";

/** What a task needs of the staging bucket. The adapter is src/services/s3.ts. */
export interface Staging {
  /** Streams a file of any length into the bucket, whole or not at all. */
  upload(key: string, body: Readable, options: { metadata?: Record<string, string>; signal?: AbortSignal }): Promise<void>;
  /** undefined when there is no such object. */
  download(key: string): Promise<{ readonly body: Readable; readonly size: number } | undefined>;
  head(key: string): Promise<{ readonly metadata: Readonly<Record<string, string>> } | undefined>;
  put(key: string, body: Uint8Array, options: { metadata?: Record<string, string> }): Promise<unknown>;
}

/** Counts a table's rows and, on demand, digests them in an order-independent way. The adapter is src/services/duckdb.ts. */
export interface TableReader {
  /** null when a file with this extension is no table. `temporary` is a folder for spilling. Throws for nothing that is in the file. */
  describe(path: string, extension: string, options: { digest: boolean; temporary: string }): Promise<TableDescription | null>;
  /** A table's rows as CSV of our dialect, its columns in the header. The stream fails with a UserError for a file that can't be read as what its extension says. */
  asCsv(source: TableSource): Readable;
}

export interface TableSource {
  readonly path: string;
  readonly extension: string;
  /** For people. */
  readonly name: string;
  /** What the rows are loaded into. */
  readonly fields: readonly Field[];
  /** A folder for spilling. */
  readonly temporary: string;
}
