import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { loadFile } from "../../src/load/load-file.ts";
import type { LoadFile, LoadRequest } from "../../src/load/request.ts";
import { stderrLog } from "../../src/log.ts";
import { duckdbTables } from "../../src/services/duckdb.ts";
import { connectPostgres, type PostgresSettings } from "../../src/services/postgres.ts";

/** What `node tests/load/load-process.ts JOB.json` reads: a load to be done in a process of its own, so that it can be measured or killed. */
export interface LoadJob {
  readonly settings: PostgresSettings;
  readonly request: Omit<LoadRequest, "files">;
  readonly files: readonly (Omit<LoadFile, "open"> & { readonly path: string })[];
}

/** What it prints, as one line of JSON. */
export interface LoadJobResult {
  readonly rows: number;
  /** Of `loadFile` alone. */
  readonly seconds: number;
  /** The most resident memory that the process ever had. */
  readonly peakMegabytes: number;
}

const job = JSON.parse(await readFile(process.argv[2] ?? "", "utf8")) as LoadJob;
const { fields } = job.request;
const files = job.files.map(({ path, ...file }) => {
  const extension = extname(path).slice(1);
  const table = { path, extension, name: file.key, fields, temporary: `${path}.duckdb` };
  return {
    ...file,
    open: async () => (extension === "csv" ? createReadStream(path, { highWaterMark: 256 * 1024 }) : duckdbTables.asCsv(table)),
  };
});
const database = await connectPostgres(job.settings);
const start = performance.now();
const { rowsWritten } = await loadFile({ ...job.request, files }, database, stderrLog());
const seconds = (performance.now() - start) / 1000;
await database.end();
const result: LoadJobResult = { rows: rowsWritten, seconds, peakMegabytes: process.resourceUsage().maxRSS / 1024 };
process.stdout.write(`${JSON.stringify(result)}\n`);
