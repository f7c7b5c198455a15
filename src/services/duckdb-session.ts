import { mkdir } from "node:fs/promises";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";

/**
 * How much of its own memory DuckDB may take. Files that tools write in the usual way need a tenth of it; a parquet file of long texts needs
 * all pages of 2,048 rows at once, and they can't be read in smaller pieces.
 */
const MEMORY = "512MB";

export interface DuckdbSession {
  readonly connection: DuckDBConnection;
  close(): void;
}

/** A DuckDB of one's own, in one thread: a second one takes memory, and the core that PostgreSQL works on. */
export async function openDuckdb(temporary: string): Promise<DuckdbSession> {
  await mkdir(temporary, { recursive: true });
  const instance = await DuckDBInstance.create(":memory:", {
    threads: "1",
    memory_limit: MEMORY,
    temp_directory: temporary,
    autoinstall_known_extensions: "false",
  });
  const connection = await instance.connect();
  // An instant's text must not depend on the machine.
  await connection.run("SET TimeZone = 'UTC'");
  return {
    connection,
    close: () => {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** The first line of what DuckDB says, which the rest only explains. */
export function duckdbReason(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
}
