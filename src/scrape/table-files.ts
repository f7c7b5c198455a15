/** The endings of files whose rows can be counted, compared and loaded. */
export const tableExtensions: readonly string[] = ["csv", "parquet", "ndjson", "jsonl"];
