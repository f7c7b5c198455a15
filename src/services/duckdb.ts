import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { UserError } from "../errors.ts";
import { tableExtensions } from "../scrape/table-files.ts";
import { describeCsv, describeNdjson } from "../tables/describe.ts";
import { ndjsonAsCsv } from "../tables/ndjson-csv.ts";
import type { TableReader, TableSource } from "../task/staging.ts";

const READ_SIZE = 1024 * 1024;
/** JSON becomes text of four times its size on the way. */
const SMALL_READ_SIZE = 256 * 1024;

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
  asCsv(source) {
    const { path, extension, name, fields } = source;
    switch (extension) {
      case "csv":
        return createReadStream(path, { highWaterMark: READ_SIZE });
      case "ndjson":
      case "jsonl": {
        const bytes = createReadStream(path, { highWaterMark: SMALL_READ_SIZE });
        return Readable.from(
          ndjsonAsCsv(
            bytes,
            name,
            fields.map((field) => field.name),
          ),
          { objectMode: false },
        );
      }
      case "parquet":
        return Readable.from(parquetRows(source), { objectMode: false });
      default:
        throw new UserError(`${name}: cannot load a ${extension} file`, { hint: `A load reads ${tableExtensions.join(", ")}.` });
    }
  },
};

async function* parquetRows(source: TableSource): AsyncGenerator<Buffer> {
  yield* (await import("./parquet-stream.ts")).parquetAsCsv(source);
}
