import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, extname } from "node:path";
import type { TestDatabase } from "../../local/test-database.ts";
import { sha256 } from "../ids.ts";
import { loadFile } from "../load/load-file.ts";
import type { LoadRequest, LoadResult } from "../load/request.ts";
import type { Log } from "../log.ts";
import type { Dag, LoadTask } from "../scrape/model.ts";
import { fillSlice } from "../scrape/url-template.ts";
import { connectPostgres } from "../services/postgres.ts";
import { type RunTime, runInterval, runVariables } from "./run-time.ts";

/** Loads a file as the DAG's load task says. */
export async function loadInto(
  database: TestDatabase,
  dag: Dag,
  task: LoadTask,
  file: string,
  run: RunTime,
  log: Log,
): Promise<LoadResult> {
  const mode =
    task.mode.kind === "append" && task.mode.slice !== null
      ? { ...task.mode, slice: fillSlice(task.mode.slice, runVariables(dag, task, run)) }
      : task.mode;
  const connection = await connectPostgres(database.address);
  const request: LoadRequest = {
    dag: dag.id,
    task: task.id,
    runId: `test__${run.date ?? run.month ?? "on-demand"}`,
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
        sha256: sha256(await readFile(file)),
        extension: extname(file).slice(1),
        open: async () => createReadStream(file),
      },
    ],
  };
  return loadFile(request, connection, log).finally(() => connection.end());
}
