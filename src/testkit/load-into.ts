import { basename, extname } from "node:path";
import type { TestDatabase } from "../../local/test-database.ts";
import { sha256 } from "../ids.ts";
import { loadFile } from "../load/load-file.ts";
import type { LoadRequest, LoadResult } from "../load/request.ts";
import type { Log } from "../log.ts";
import type { Dag, LoadTask } from "../scrape/model.ts";
import { fillSlice } from "../scrape/url-template.ts";
import { duckdbTables } from "../services/duckdb.ts";
import { connectPostgres } from "../services/postgres.ts";
import { hashFile } from "../task/hashing.ts";
import { type RunTime, runInterval, runVariables } from "./run-time.ts";

/** What a load of a test is given beside the file. */
export interface TestLoad {
  readonly run: RunTime;
  readonly runId: string;
  /** A folder for what the load needs on the way. */
  readonly temporary: string;
  readonly log: Log;
}

/** Loads a file as the DAG's load task says, and as the task runner does: counted first, then read. */
export async function loadInto(
  database: TestDatabase,
  dag: Dag,
  task: LoadTask,
  file: string,
  { run, runId, temporary, log }: TestLoad,
): Promise<LoadResult> {
  const extension = extname(file).slice(1);
  const source = { path: file, extension, name: basename(file), fields: task.fields, temporary };
  const counted = await duckdbTables.describe(file, extension, { digest: false, temporary });
  const mode =
    task.mode.kind === "append" && task.mode.slice !== null
      ? { ...task.mode, slice: fillSlice(task.mode.slice, runVariables(dag, task, run)) }
      : task.mode;
  const connection = await connectPostgres(database.address);
  const request: LoadRequest = {
    dag: dag.id,
    task: task.id,
    runId,
    mapIndex: -1,
    release: sha256("a test has no release"),
    commit: null,
    executionDate: (runInterval(dag, run)?.start ?? new Date()).toISOString(),
    runDate: (runInterval(dag, run)?.end ?? new Date()).toISOString(),
    month: null,
    table: task.table,
    mode,
    sliceTemplate: task.mode.kind === "append" ? task.mode.slice : null,
    fields: task.fields,
    maxBadRows: task.maxBadRows,
    code: sha256("a test has no release"),
    confirms: {},
    adopts: { tasks: [], slices: [] },
    overwriteNewer: false,
    files: [
      {
        key: basename(file),
        sha256: await hashFile(file),
        isVerified: true,
        ...(extension === "csv" ? {} : { firstLine: 1 }),
        rows: counted?.rows ?? null,

        open: async () => duckdbTables.asCsv(source),
      },
    ],
  };
  return loadFile(request, connection, log).finally(() => connection.end());
}
