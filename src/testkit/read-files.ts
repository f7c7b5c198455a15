import { createReadStream } from "node:fs";
import { DuckDBInstance } from "@duckdb/node-api";
import { UserError } from "../errors.ts";
import { duckdbText } from "../tables/csv-dialect.ts";
import { readCsvValues } from "../tables/csv-values.ts";

/** A row as text, by column; null is null. */
export type Row = Readonly<Record<string, string | null>>;

/** All rows of a CSV file with a header, every value as the text that a load reads; an unquoted empty value is null. */
export async function readCsv(file: string): Promise<Row[]> {
  const records = await readCsvValues(createReadStream(file)).catch((error: unknown) => {
    throw error instanceof Error && !("code" in error) ? new UserError(`${file}: ${error.message}`, { cause: error }) : error;
  });
  const [header = [], ...rows] = records;
  return rows.map((values, index) => {
    if (values.length !== header.length) {
      throw new UserError(`${file}: row ${index + 1} has ${values.length} values, and the header ${header.length}`, {
        hint: "A load refuses such a row.",
      });
    }
    return Object.fromEntries(header.map((name, column) => [name ?? "", values[column] ?? null]));
  });
}

/** All rows of a parquet file, every value as DuckDB prints it. */
export async function readParquet(file: string): Promise<Row[]> {
  const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
  const connection = await instance.connect();
  try {
    await connection.run("SET TimeZone = 'UTC'");
    const reader = await connection.runAndReadAll(`SELECT COLUMNS(*)::VARCHAR FROM read_parquet(${duckdbText(file)})`);
    return reader.getRowObjectsJson().map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, textOf(value)])));
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

function textOf(value: unknown): string | null {
  return value === null ? null : String(value);
}
