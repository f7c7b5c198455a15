import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { DuckDBInstance } from "@duckdb/node-api";
import { root } from "../local/paths.ts";
import type { LocalPostgres } from "../local/postgres.ts";
import { writeTlcMonth } from "../local/tlc-data.ts";
import type { Field, FieldType } from "../src/scrape/model.ts";
import { duckdbText } from "../src/tables/csv-dialect.ts";
import { hashFile } from "../src/task/hashing.ts";
import { aRequest } from "../tests/load/fixture.ts";
import type { LoadJob, LoadJobResult } from "../tests/load/load-process.ts";
import { benchDatabase, benchRole, copyWithPsql } from "./psql-copy.ts";

const rows = Math.min(1_000_000, Number(process.env.BENCH_ROWS ?? 1_000_000));
const pairs = 3;

/** Compares a load of parquet, a month of taxi trips, with psql's `\copy` of the same rows as CSV, in turns. Returns the lines to print. */
export async function benchParquet(server: LocalPostgres, dir: string): Promise<string[]> {
  const parquet = join(dir, "trips.parquet");
  const csv = join(dir, "trips.csv");
  const fields = await writeTrips(parquet, csv);
  const columns = fields.map((field) => field.name);
  const header = join(dir, "trips-header.csv");
  writeFileSync(header, `${columns.join(",")}\n`);
  const tables = { ours: "bench_parquet", theirs: "bench_parquet_psql" };
  for (const table of Object.values(tables)) await load(server, dir, table, fields, header, "make");
  const ours: LoadJobResult[] = [];
  const theirs: number[] = [];
  for (let pair = 1; pair <= pairs; pair++) {
    await empty(server, Object.values(tables));
    ours.push(await load(server, dir, tables.ours, fields, parquet, `run-${pair}`));
    await empty(server, Object.values(tables));
    theirs.push(await copyWithPsql(server, tables.theirs, columns, csv));
  }
  const mine = median(ours.map((one) => one.seconds));
  const psql = median(theirs);
  const megabytes = Math.max(...ours.map((one) => one.peakMegabytes));
  return [
    `parquet, ${rows.toLocaleString("en")} rows: dagline ${mine.toFixed(2)} s, \\copy of the same rows as CSV ${psql.toFixed(2)} s`,
    `ratio ${(psql / mine).toFixed(2)} (at least 0.9), peak memory ${megabytes.toFixed(0)} MB`,
  ];
}

const fieldTypes: Readonly<Record<string, FieldType>> = {
  INTEGER: { name: "INTEGER" },
  BIGINT: { name: "BIGINT" },
  DOUBLE: { name: "NUMERIC", precision: 18, scale: 2 },
  VARCHAR: { name: "TEXT" },
  TIMESTAMP: { name: "TIMESTAMP" },
};

async function writeTrips(parquet: string, csv: string): Promise<Field[]> {
  await writeTlcMonth({ taxiType: "yellow", year: 2025, month: 1, rows, seed: 1 }, `${parquet}.published`);
  const instance = await DuckDBInstance.create(":memory:", { threads: "1", memory_limit: "256MB" });
  const connection = await instance.connect();
  try {
    const described = (
      await connection.runAndReadAll(`DESCRIBE FROM read_parquet(${duckdbText(`${parquet}.published`)})`)
    ).getRowObjectsJson();
    const columns = described.map(({ column_name, column_type }) => ({ published: String(column_name), type: String(column_type) }));
    const names = columns.map(({ published }) => `"${published}" AS "${published.toLowerCase()}"`);
    await connection.run(`CREATE VIEW trips AS SELECT ${names.join(", ")} FROM read_parquet(${duckdbText(`${parquet}.published`)})`);
    await connection.run(`COPY (FROM trips) TO ${duckdbText(parquet)} (FORMAT parquet)`);
    await connection.run(`COPY (FROM trips) TO ${duckdbText(csv)} (FORMAT csv, HEADER)`);
    return columns.map(({ published, type }) => {
      const fieldType = fieldTypes[type];
      if (fieldType === undefined) throw new Error(`no field is of DuckDB's type ${type}`);
      return { name: published.toLowerCase(), type: fieldType, description: null };
    });
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

async function load(
  server: LocalPostgres,
  dir: string,
  table: string,
  fields: readonly Field[],
  path: string,
  runId: string,
): Promise<LoadJobResult> {
  const job: LoadJob = {
    settings: { host: server.socketDir, port: server.port, dbname: benchDatabase, user: benchRole, password: null },
    request: { ...aRequest, table, fields, runId },
    files: [{ key: path, sha256: await hashFile(path), isVerified: true, rows: null, path }],
  };
  const jobFile = join(dir, "parquet-job.json");
  writeFileSync(jobFile, JSON.stringify(job));
  const { stdout } = await promisify(execFile)(process.execPath, [join(root, "tests", "load", "load-process.ts"), jobFile]);
  return JSON.parse(stdout) as LoadJobResult;
}

async function empty(server: LocalPostgres, tables: readonly string[]): Promise<void> {
  const client = await server.connect(benchDatabase);
  await client.query(`TRUNCATE ${tables.join(", ")}`);
  await client.query("CHECKPOINT");
  await client.end();
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
