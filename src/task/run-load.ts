import { UserError } from "../errors.ts";
import type { LoadDatabase } from "../load/database.ts";
import { howToOverwrite, loadFile } from "../load/load-file.ts";
import type { TaskLog } from "./api.ts";
import type { DatabaseAddress, TaskDocument } from "./document.ts";
import { loadRequestOf } from "./load-request.ts";
import type { TaskResult } from "./run-task.ts";
import type { DagSpec, LoadSpec } from "./spec.ts";
import { stagedRows } from "./staged-rows.ts";
import type { Staging, TableReader } from "./staging.ts";

export interface LoadServices {
  readonly staging: () => Promise<Staging>;
  readonly tables: () => Promise<TableReader>;
  /** An empty folder for the task's files; the caller removes it, however the task ends. */
  readonly dir: string;
  /** Connects; the caller ends the connection. */
  readonly database: (address: DatabaseAddress) => Promise<LoadDatabase>;
  readonly log: TaskLog;
  readonly signal: AbortSignal;
  readonly now: Date;
}

/** Loads all files of the tasks above into the table, in one load. */
export async function runLoad(document: TaskDocument, dag: DagSpec, task: LoadSpec, services: LoadServices): Promise<TaskResult> {
  const { log, signal } = services;
  if (document.database === null)
    throw new UserError("a load was started without a database connection", {
      hint: "Does Airflow have the connection that host.json names?",
    });
  const staging = await services.staging();
  const database = await services.database(document.database);
  try {
    const request = await loadRequestOf(document, dag, document.task, task);
    const result = await loadFile(
      {
        ...request,
        files: document.upstream.map((reference) => stagedRows(reference, request.fields, { ...services, staging })),
        signal,
      },
      database,
      log,
    );
    if (result.newerRun !== null) {
      const reason = `table ${result.table} holds the rows of the newer run ${result.newerRun}, which stay; ${howToOverwrite}`;
      return { state: "skipped", reason, no_data: false };
    }
    const load = {
      load_id: result.loadId,
      table: result.table,
      rows_read: result.rowsRead,
      rows_written: result.rowsWritten,
      rows_quarantined: result.rowsQuarantined,
      unchanged: result.unchanged,
    };
    return { state: "done", load };
  } finally {
    await database.end();
  }
}
