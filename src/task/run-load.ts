import { UserError } from "../errors.ts";
import type { LoadDatabase } from "../load/database.ts";
import { loadFile } from "../load/load-file.ts";
import { fillSlice } from "../scrape/url-template.ts";
import type { TaskLog } from "./api.ts";
import type { DatabaseAddress, TaskDocument } from "./document.ts";
import type { DagSpec, LoadSpec } from "./spec.ts";
import { confirmationKey, parseStagedKey, type StagedReference } from "./staged-file.ts";
import type { Staging } from "./staging.ts";
import { intervalOf, templateValues } from "./variables.ts";

export interface LoadServices {
  readonly staging: () => Promise<Staging>;
  /** Connects; the caller ends the connection. */
  readonly database: (address: DatabaseAddress) => Promise<LoadDatabase>;
  readonly log: TaskLog;
  readonly signal: AbortSignal;
  readonly now: Date;
}

/** Loads all files of the tasks above into the table, in one load, and records for the comparison check which rows they were. */
export async function runLoad(
  document: TaskDocument,
  dag: DagSpec,
  task: LoadSpec,
  services: LoadServices,
): Promise<Readonly<Record<string, unknown>>> {
  const { log, signal, now } = services;
  if (document.database === null)
    throw new UserError("a load was started without a database connection", {
      hint: "Does Airflow have the connection that host.json names?",
    });
  const staging = await services.staging();
  const database = await services.database(document.database);
  try {
    const interval = intervalOf(document);
    const values = templateValues({
      interval,
      month: document.month,
      timezone: dag.timezone,
      params: { ...document.params, ...task.params },
      now,
    });
    const mode =
      task.mode.kind === "append" && task.mode.slice !== null ? { ...task.mode, slice: fillSlice(task.mode.slice, values) } : task.mode;
    const result = await loadFile(
      {
        dag: document.dag,
        task: document.task,
        runId: document.run_id,
        mapIndex: document.map_index,
        release: document.release,
        commit: document.commit,
        executionDate: document.logical_date ?? document.run_after,
        table: task.table,
        mode,
        fields: task.fields.map((field) => ({ ...field, description: null })),
        maxBadRows: task.max_bad_rows,
        files: document.upstream.map((reference) => stagedFile(reference, staging)),
        signal,
      },
      database,
      log,
    );
    await confirm(document, staging);
    return {
      load_id: result.loadId,
      table: result.table,
      rows_read: result.rowsRead,
      rows_written: result.rowsWritten,
      rows_quarantined: result.rowsQuarantined,
      unchanged: result.unchanged,
    };
  } finally {
    await database.end();
  }
}

function stagedFile(reference: StagedReference, staging: Staging) {
  return {
    key: reference.key,
    sha256: reference.sha256,
    extension: parseStagedKey(reference.key).extension,
    open: async () => {
      const found = await staging.download(reference.key);
      if (found === undefined)
        throw new UserError(`the staged file ${reference.key} is gone`, {
          hint: `Clear the task ${reference.task}, so that it stages it again.`,
        });
      return found.body;
    },
  };
}

/** After the commit, never before: a task may be skipped only for rows that are in the table. */
async function confirm({ dag, task: load, confirms }: TaskDocument, staging: Staging): Promise<void> {
  for (const { task, rows_digest } of confirms) {
    if (rows_digest === null) continue;
    await staging.put(confirmationKey(dag, task, load), new Uint8Array(), { metadata: { "rows-digest": rows_digest } });
  }
}
