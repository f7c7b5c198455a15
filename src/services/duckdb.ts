import { DuckDBInstance } from "@duckdb/node-api";
import type { TableReader } from "../task/staging.ts";

const scans: Readonly<Record<string, string>> = {
  csv: "read_csv($path, all_varchar = true, header = true, delim = ',', quote = '\"', escape = '\"', allow_quoted_nulls = false)",
  parquet: "read_parquet($path)",
  ndjson: "read_json($path, format = 'newline_delimited')",
  jsonl: "read_json($path, format = 'newline_delimited')",
};

/** Reads tables with DuckDB, in at most 128 MB of its own memory. */
export const duckdbTables: TableReader = {
  async describe(path, extension, { digest, temporary }) {
    const scan = scans[extension];
    if (scan === undefined) return null;
    const instance = await DuckDBInstance.create(":memory:", { threads: "2", memory_limit: "128MB", temp_directory: temporary });
    const connection = await instance.connect();
    try {
      // The sum of the rows' hashes is the same in any order and counts a row that stands twice. Both halves of the MD5: 128 bits.
      const sums = digest ? ", sum(md5_number_lower(row)) AS low, sum(md5_number_upper(row)) AS high" : "";
      const rows = digest ? `SELECT to_json(t)::VARCHAR AS row FROM ${scan} AS t` : `SELECT 1 FROM ${scan}`;
      const reader = await connection.runAndReadAll(`SELECT count(*) AS rows${sums} FROM (${rows})`, { path });
      const { rows: count, low, high } = reader.getRowObjectsJson()[0] ?? {};
      return { rows: Number(count), digest: digest ? `${count}-${low ?? 0}-${high ?? 0}` : null };
    } catch (error) {
      // What is not a table by its content is not counted; whoever loads it says what is wrong with it.
      if (error instanceof Error && /Invalid Input|Conversion|No magic bytes|Malformed|CSV Error/i.test(error.message)) return null;
      throw error;
    } finally {
      connection.closeSync();
      instance.closeSync();
    }
  },
};
