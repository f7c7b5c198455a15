import { DuckDBInstance } from "@duckdb/node-api";
import { download, type ExtractContext, type TransformContext } from "dagline";
import { type Config, literal, measurementQuery } from "./helpers.ts";

/** Fetches `url`, already filled in for the run, to the file `output`. An answer of 403 or 404 skips the run: nothing published yet. */
export async function extract(context: ExtractContext<Config>): Promise<void> {
  await download(context);
}

/**
 * Turns the file `input` into the file `output` with the load's columns. DuckDB reads JSON, CSV and parquet of any size in little memory.
 * For CSV, import csvTable from "dagline" and write `FROM ${csvTable(input)}`: it reads every row as it is, where read_csv alone guesses.
 */
export async function transform({ input, output, config, log }: TransformContext<Config>): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:", { threads: "2", memory_limit: "128MB" });
  const connection = await instance.connect();
  try {
    const query = measurementQuery(input, config);
    const result = await connection.run(`COPY (${query}) TO ${literal(output)} (FORMAT csv, HEADER)`);
    log.info(`${result.rowsChanged} rows`); // what you log here is shown in Airflow's task log
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
