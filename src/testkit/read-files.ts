import { DuckDBInstance } from "@duckdb/node-api";

/** A row as text, by column; null is null. */
export type Row = Readonly<Record<string, string | null>>;

/** All rows of a CSV file with a header, every value as the text it is; an unquoted empty value is null. */
export function readCsv(file: string): Promise<Row[]> {
  // Quoted empty text stays text: only what PostgreSQL, too, takes for null is null.
  return query(
    `SELECT * FROM read_csv(${literal(file)}, header = true, all_varchar = true, delim = ',', quote = '"', allow_quoted_nulls = false)`,
  );
}

/** All rows of a parquet file, every value as DuckDB prints it. */
export function readParquet(file: string): Promise<Row[]> {
  return query(`SELECT COLUMNS(*)::VARCHAR FROM read_parquet(${literal(file)})`);
}

async function query(sql: string): Promise<Row[]> {
  const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
  const connection = await instance.connect();
  try {
    const reader = await connection.runAndReadAll(sql);
    return reader.getRowObjectsJson().map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, textOf(value)])));
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

function textOf(value: unknown): string | null {
  return value === null ? null : String(value);
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
