import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { loadFile } from "../../src/load/load-file.ts";
import type { LoadFile, LoadRequest } from "../../src/load/request.ts";
import { stderrLog } from "../../src/log.ts";
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
const files = job.files.map(({ path, ...file }) => ({ ...file, open: async () => createReadStream(path, { highWaterMark: 256 * 1024 }) }));
const database = await connectPostgres(job.settings);
const start = performance.now();
const { rowsWritten } = await loadFile({ ...job.request, files }, database, stderrLog());
const seconds = (performance.now() - start) / 1000;
await database.end();
const result: LoadJobResult = { rows: rowsWritten, seconds, peakMegabytes: process.resourceUsage().maxRSS / 1024 };
process.stdout.write(`${JSON.stringify(result)}\n`);
