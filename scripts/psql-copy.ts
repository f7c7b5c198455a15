import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { LocalPostgres } from "../local/postgres.ts";
import { UserError } from "../src/errors.ts";
import { identifiers, literal } from "../src/load/sql.ts";

export const benchDatabase = "data_pipeline_db";
export const benchRole = "dagline_loader";

/** psql's own measure of a `\copy` of a CSV file, in seconds; the table's defaults find what they find in a load. */
export async function copyWithPsql(server: LocalPostgres, table: string, columns: readonly string[], file: string): Promise<number> {
  const copy = `\\copy ${table} (${identifiers(columns)}) FROM ${literal(file)} (FORMAT csv, HEADER true)`;
  const args = ["-X", "-v", "ON_ERROR_STOP=1", "-h", server.socketDir, "-p", String(server.port), "-U", benchRole, "-d", benchDatabase];
  const settings = `-c dagline.load_id=${"0".repeat(32)} -c dagline.execution_date=2023-01-01T00:00:00Z`;
  const { stdout } = await promisify(execFile)("psql", [...args, "-c", "\\timing on", "-c", copy], {
    env: { ...process.env, PGOPTIONS: settings },
  }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    throw new UserError("psql is not on the PATH: there is nothing to compare with", {
      hint: "Install PostgreSQL's client (Debian, Ubuntu: apt install postgresql-client).",
    });
  });
  const milliseconds = /Time: ([\d.]+) ms/.exec(stdout)?.[1];
  if (milliseconds === undefined) throw new Error(`psql did not tell its time: ${stdout}`);
  return Number(milliseconds) / 1000;
}
