import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { root } from "../local/paths.ts";
import { type LocalPostgres, startPostgres } from "../local/postgres.ts";
import type { LoadRequest } from "../src/load/request.ts";
import type { Field } from "../src/scrape/model.ts";
import { aRequest } from "../tests/load/fixture.ts";
import type { LoadJob, LoadJobResult } from "../tests/load/load-process.ts";
import { benchParquet } from "./bench-parquet.ts";
import { benchDatabase, benchRole, copyWithPsql } from "./psql-copy.ts";

/**
 * Compares a load of five million rows with psql's own `\copy` of the same file into an equal table, in turns, and looks at the memory
 * of the process that loads. Prints the medians; exits with 1 when a limit of the issue is not kept.
 */
const limits = { ratio: 0.8, megabytes: 300 };
const rowCount = Number(process.env.BENCH_ROWS ?? 5_000_000);
const pairs = 3;

const fields: readonly Field[] = [
  { name: "vendor_id", type: { name: "INTEGER" }, description: null },
  { name: "pickup", type: { name: "TIMESTAMP" }, description: null },
  { name: "dropoff", type: { name: "TIMESTAMP" }, description: null },
  { name: "pickup_zone", type: { name: "TEXT" }, description: null },
  { name: "passengers", type: { name: "NUMERIC", precision: null, scale: null }, description: null },
  { name: "distance", type: { name: "FLOAT" }, description: null },
  { name: "total_amount", type: { name: "NUMERIC", precision: 12, scale: 2 }, description: null },
];

const dir = mkdtempSync(join(tmpdir(), "dagline-bench-"));
const file = join(dir, "rows.csv");
let postgres: LocalPostgres | undefined;
try {
  await pipeline(Readable.from(csv(rowCount)), createWriteStream(file));
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  postgres = await startPostgres({ dir });
  const digest = hash.digest("hex");
  print(`${rowCount.toLocaleString("en")} rows, ${Math.round(statSync(file).size / 1e6)} MB`);
  process.exitCode = await compare(postgres, digest);
  for (const line of await benchParquet(postgres, dir)) print(line);
} finally {
  await postgres?.stop();
  rmSync(dir, { recursive: true, force: true });
}

async function compare(server: LocalPostgres, digest: string): Promise<number> {
  const ours: LoadJobResult[] = [];
  const theirs: number[] = [];
  const header = `${fields.map((field) => field.name).join(",")}\n`;
  const headerOnly = join(dir, "header.csv");
  writeFileSync(headerOnly, header);
  const headerDigest = createHash("sha256").update(header).digest("hex");
  // Both tables are made by a load without rows, so they are equal to the last index.
  for (const table of ["bench_dagline", "bench_psql"]) await load(server, { table, runId: "make" }, headerOnly, headerDigest);
  for (let pair = 1; pair <= pairs; pair++) {
    await empty(server);
    const mine = await load(server, { table: "bench_dagline", runId: `run-${pair}` }, file, digest);
    ours.push(mine);
    await empty(server);
    const psqlSeconds = await copyWithPsql(
      server,
      "bench_psql",
      fields.map((field) => field.name),
      file,
    );
    theirs.push(psqlSeconds);
    print(`pair ${pair}: dagline ${mine.seconds.toFixed(2)} s, ${mine.peakMegabytes.toFixed(0)} MB; psql ${psqlSeconds.toFixed(2)} s`);
    if (mine.rows !== rowCount) throw new Error(`${mine.rows} rows were loaded`);
  }
  const mine = median(ours.map((one) => one.seconds));
  const psql = median(theirs);
  const ratio = psql / mine;
  const megabytes = Math.max(...ours.map((one) => one.peakMegabytes));
  print(`median: dagline ${mine.toFixed(2)} s (${perSecond(mine)}), psql ${psql.toFixed(2)} s (${perSecond(psql)})`);
  print(`ratio ${ratio.toFixed(2)} (at least ${limits.ratio}), peak memory ${megabytes.toFixed(0)} MB (at most ${limits.megabytes})`);
  return ratio >= limits.ratio && megabytes <= limits.megabytes ? 0 : 1;
}

async function load(
  server: LocalPostgres,
  { table, runId }: Pick<LoadRequest, "table" | "runId">,
  path: string,
  sha256: string,
): Promise<LoadJobResult> {
  const job: LoadJob = {
    settings: { host: server.socketDir, port: server.port, dbname: benchDatabase, user: benchRole, password: null },
    request: {
      ...aRequest,
      dag: "bench",
      task: "load_bench",
      runId,
      mapIndex: -1,
      release: "0".repeat(64),
      commit: null,
      executionDate: "2023-01-01T00:00:00Z",
      table,
      mode: { kind: "append", slice: null },
      fields,
      maxBadRows: 0,
    },
    files: [{ key: "rows.csv", sha256, rows: null, path }],
  };
  const jobFile = join(dir, "job.json");
  writeFileSync(jobFile, JSON.stringify(job));
  const { stdout } = await promisify(execFile)(process.execPath, [join(root, "tests", "load", "load-process.ts"), jobFile]);
  return JSON.parse(stdout) as LoadJobResult;
}

/** Both start from empty tables and a clean log. */
async function empty(server: LocalPostgres): Promise<void> {
  const client = await server.connect(benchDatabase);
  await client.query("TRUNCATE bench_dagline, bench_psql");
  await client.query("CHECKPOINT");
  await client.end();
}

function* csv(rows: number): Generator<string> {
  yield `${fields.map((field) => field.name).join(",")}\n`;
  const block = 5000;
  for (let start = 0; start < rows; start += block) {
    yield Array.from({ length: Math.min(block, rows - start) }, (_, index) => line(start + index)).join("");
  }
}

function line(n: number): string {
  const clock = `${String(n % 24).padStart(2, "0")}:${String(n % 60).padStart(2, "0")}:${String(n % 59).padStart(2, "0")}`;
  const day = `2023-01-${String((n % 28) + 1).padStart(2, "0")}`;
  return `${(n % 2) + 1},${day} ${clock},${day} 23:59:59,"Zone ${n % 265}, Queens",${n % 7 === 0 ? "" : n % 5},${(n % 3000) / 100},${(n % 9000) / 100}\n`;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function perSecond(seconds: number): string {
  return `${Math.round(rowCount / seconds / 1000)} thousand rows/s`;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
