import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { closeSync, constants, openSync } from "node:fs";
import { rm } from "node:fs/promises";
import { Socket } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import type { DuckDBConnection } from "@duckdb/node-api";
import { UserError } from "../errors.ts";
import { duckdbText } from "../tables/csv-dialect.ts";
import { csvLine } from "../tables/csv-line.ts";
import type { TableSource } from "../task/staging.ts";
import { duckdbReason, openDuckdb } from "./duckdb-session.ts";
import { parquetColumns, parquetTable } from "./parquet-columns.ts";
import { cellSql } from "./parquet-csv.ts";

/**
 * The rows of a parquet file as CSV with a header. DuckDB writes them to a named pipe, as fast as they are read and no faster; whoever stops
 * reading ends the query. Throws UserError for a file that DuckDB can't read, and for a column that no field can take.
 */
export async function* parquetAsCsv({ path, name, fields, temporary }: TableSource): AsyncGenerator<Buffer> {
  const { connection, close } = await openDuckdb(temporary);
  const pipe = join(temporary, `rows-${randomUUID()}`);
  try {
    const columns = await explained(name, () => parquetColumns(connection, path));
    const cells = columns.map((column) =>
      cellSql(
        name,
        column,
        fields.find((field) => field.name === column.name),
      ),
    );
    yield Buffer.from(csvLine(columns.map((column) => column.name)));
    await promisify(execFile)("mkfifo", ["-m", "600", pipe]);
    const query = `COPY (SELECT ${cells.join(", ")} FROM ${parquetTable(path)}) TO ${duckdbText(pipe)} (FORMAT csv, HEADER false, USE_TMP_FILE false)`;
    yield* readPipe(pipe, connection, () => explained(name, () => connection.run(query)));
  } finally {
    close();
    await rm(pipe, { force: true });
  }
}

/** What `write` writes to the pipe, until it is done. */
async function* readPipe(pipe: string, connection: DuckDBConnection, write: () => Promise<unknown>): AsyncGenerator<Buffer> {
  // To open one end waits for the other, unless it is told not to; and as long as the second one is open, the pipe has no end.
  const reading = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  const open = openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
  const socket = new Socket({ fd: reading, readable: true, writable: false });
  const written = write().then(
    () => null,
    (error: unknown) => ({ error }),
  );
  const closed = written.finally(() => closeSync(open));
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) yield chunk;
    const failed = await closed;
    if (failed !== null) throw failed.error;
  } finally {
    // Nobody reads on: a query that waits to write fails.
    connection.interrupt();
    socket.destroy();
    await closed;
  }
}

async function explained<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const hint = /Out of Memory/i.test(String(error))
      ? "Nothing was loaded. Its pages or rows are too large: write smaller row groups, or csv."
      : "Nothing was loaded. Write the file anew.";
    throw new UserError(`${name}: not readable as parquet: ${duckdbReason(error)}`, { hint, cause: error });
  }
}
