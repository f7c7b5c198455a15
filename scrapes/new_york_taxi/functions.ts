import { dirname, join } from "node:path";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { download, type ExtractContext, type TransformContext } from "dagline";
import { type Column, type Config, literal, tripQuery } from "./helpers.ts";

/** Fetches one month of one kind of taxi. The origin answers 403 or 404 for a month that it has not published yet: skipped. */
export async function extract(context: ExtractContext<Config>): Promise<void> {
  await download(context);
}

/** Every trip of the month, in the table's columns, with the zones of both its ends. */
export async function transform({ input, output, params, config, log }: TransformContext<Config>): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:", {
    threads: "2",
    memory_limit: "128MB",
    temp_directory: join(dirname(output), "duckdb"),
  });
  const connection = await instance.connect();
  try {
    await createZones(connection, config);
    await connection.run(`CREATE VIEW trips AS SELECT * FROM read_parquet(${literal(input)})`);
    const { sql, ignored } = tripQuery(await columnsOf(connection, "trips"), String(params.taxi_type), config);
    if (ignored.length > 0) log.warn(`the file has columns that the table does not: ${ignored.join(", ")}`);
    await connection.run(`COPY (${sql}) TO ${literal(output)} (FORMAT csv, HEADER)`);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** The primary key refuses a zone that stands twice in the configuration, which would double its trips. */
async function createZones(connection: DuckDBConnection, config: Config): Promise<void> {
  await connection.run("CREATE TABLE zones (location_id INTEGER PRIMARY KEY, borough VARCHAR, zone VARCHAR, service_zone VARCHAR)");
  const appender = await connection.createAppender("zones");
  for (const { location_id, borough, zone, service_zone } of config.zones) {
    appender.appendInteger(location_id);
    for (const text of [borough, zone, service_zone]) appender.appendVarchar(text);
    appender.endRow();
  }
  appender.closeSync();
}

async function columnsOf(connection: DuckDBConnection, table: string): Promise<Column[]> {
  const reader = await connection.runAndReadAll(`DESCRIBE ${table}`);
  return reader.getRowObjectsJson().map((row) => ({ name: String(row.column_name), type: String(row.column_type) }));
}
