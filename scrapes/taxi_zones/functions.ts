import { DuckDBInstance } from "@duckdb/node-api";
import { csvTable, download, type ExtractContext, type TransformContext } from "dagline";
import { type Config, literal, zoneQuery } from "./helpers.ts";

export async function extract(context: ExtractContext<Config>): Promise<void> {
  await download(context);
}

/** Gives the columns the table's names. Every value stays the text that was published: "N/A" is what the TLC says, not a null. */
export async function transform({ input, output, config }: TransformContext<Config>): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:", { threads: "1", memory_limit: "128MB" });
  const connection = await instance.connect();
  try {
    await connection.run(`CREATE VIEW published AS SELECT * FROM ${csvTable(input)}`);
    const published = (await connection.runAndReadAll("FROM published LIMIT 0")).columnNames();
    await connection.run(`COPY (${zoneQuery(published, config)}) TO ${literal(output)} (FORMAT csv, HEADER)`);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
