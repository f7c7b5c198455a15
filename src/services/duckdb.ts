import { createReadStream } from "node:fs";
import { describeCsv, describeNdjson } from "../tables/describe.ts";
import type { TableReader } from "../task/staging.ts";

const READ_SIZE = 1024 * 1024;

/** Reads tables: CSV and newline-delimited JSON in a stream of our own, parquet with DuckDB, which is loaded only then. */
export const duckdbTables: TableReader = {
  async describe(path, extension, { digest, temporary }) {
    switch (extension) {
      case "csv":
        return describeCsv(createReadStream(path, { highWaterMark: READ_SIZE }), digest);
      case "ndjson":
      case "jsonl":
        return describeNdjson(createReadStream(path, { highWaterMark: READ_SIZE }), digest);
      case "parquet":
        return (await import("./describe-parquet.ts")).describeParquet(path, digest, temporary);
      default:
        return null;
    }
  },
};
