import { createReadStream } from "node:fs";
import { mkdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { UserError } from "../errors.ts";
import type { JsonValue } from "../scrape/model.ts";
import { fillTemplate } from "../scrape/url-template.ts";
import type { Extract, ExtractContext, Transform, TransformContext } from "./api.ts";
import type { TaskDocument } from "./document.ts";
import { fetchFor } from "./fetch-for.ts";
import { fetchStaged } from "./fetch-staged.ts";
import { hashFile } from "./hashing.ts";
import type { TaskResult, TaskServices } from "./run-task.ts";
import type { DagSpec, FunctionSpec } from "./spec.ts";
import { nameStagedFile, printStagedKey, type StagedReference } from "./staged-file.ts";
import { intervalOf, templateValues } from "./variables.ts";

/** Runs an extract or a transform: its inputs come from the staging bucket, its output goes there. */
export async function runFunction(document: TaskDocument, dag: DagSpec, task: FunctionSpec, services: TaskServices): Promise<TaskResult> {
  const { log, signal, dir } = services;
  const inputs = await fetchInputs(document.upstream, services.staging, join(dir, "inputs"), signal);
  const work = join(dir, "work");
  await mkdir(work);
  const output = join(work, `output.${task.extension}`);
  await callFunction(document, dag, task, services, inputs, output);
  signal.throwIfAborted();

  const { size } = await stat(output).catch((error: unknown) => {
    throw new UserError(`${task.callable} of ${document.task} returned without writing its output`, {
      hint: "Write the result to `output`, or throw a Skip.",
      cause: error,
    });
  });
  const digest = await hashFile(output);
  const compare = task.compare_with.length > 0;
  const table = await (await services.tables()).describe(output, task.extension, { digest: compare, temporary: join(dir, "duckdb") });
  if (table?.problem != null) log.warn(`not ${compare ? "compared, so nothing is skipped" : "counted"}: ${table.problem}`);
  const staging = await services.staging();
  const name = nameStagedFile({ ...document, sha256: digest, extension: task.extension });
  const reference: StagedReference = {
    task: document.task,
    key: printStagedKey(name),
    sha256: digest,
    size,
    rows: table?.rows ?? null,
    rows_digest: table?.digest ?? null,
  };
  // A try before this one may have staged the very same bytes, and a task below may be reading them.
  if ((await staging.head(reference.key))?.metadata.sha256 !== digest)
    await staging.upload(reference.key, createReadStream(output), { metadata: metadataOf(reference, document.run_id), signal });
  log.info(`staged ${reference.key}: ${size} bytes${reference.rows === null ? "" : `, ${reference.rows} rows`}`);
  return { state: "done", output: reference };
}

async function callFunction(
  document: TaskDocument,
  dag: DagSpec,
  task: FunctionSpec,
  { log, signal, now }: TaskServices,
  inputs: Readonly<Record<string, string>>,
  output: string,
): Promise<void> {
  const interval = intervalOf(document, dag.timezone);
  const params = Object.freeze({ ...document.params, ...task.params });
  const config = dag.config === null ? null : (JSON.parse(await readFile(join(document.release_dir, dag.config), "utf8")) as JsonValue);
  const base = { output, inputs, interval, params, config, log, signal, fetch: fetchFor(document.origins, signal) };
  const module = (await import(pathToFileURL(join(document.release_dir, dag.functions ?? "")).href)) as Record<string, unknown>;
  const callable = module[task.callable];
  if (typeof callable !== "function") throw notAFunction(document, dag, task, callable);
  if (task.kind === "extract") {
    const url =
      dag.url === null
        ? ""
        : fillTemplate(dag.url, templateValues({ interval, month: document.month, timezone: dag.timezone, params, now }));
    await (callable as Extract)({ ...base, url } satisfies ExtractContext);
  } else {
    const [first = ""] = Object.values(inputs);
    await (callable as Transform)({ ...base, input: first } satisfies TransformContext);
  }
}

/** The checks see only the names that a module exports: what they are shows when it runs. */
function notAFunction({ task: id }: TaskDocument, dag: DagSpec, { callable }: FunctionSpec, found: unknown): UserError {
  const what = found === undefined ? "does not export" : `exports ${found === null ? "null" : `a value of type ${typeof found}`} as`;
  return new UserError(
    `${id} of ${dag.dag}: scrapes/${dag.scrape} (${dag.functions}) ${what} \`${callable}\`, where a function is expected`,
    {
      hint: `Write \`export async function ${callable}(context)\` in the scrape's callable_file.`,
    },
  );
}

/** Downloads every upstream file, and verifies each against its reference. */
async function fetchInputs(
  upstream: readonly StagedReference[],
  openStaging: TaskServices["staging"],
  dir: string,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  // The AWS SDK takes longer to load than all the rest: a function that needs no files starts without it.
  if (upstream.length === 0) return {};
  const staging = await openStaging();
  await mkdir(dir);
  const inputs: Record<string, string> = {};
  for (const reference of upstream) {
    const path = join(dir, `${reference.task}${reference.key.slice(reference.key.lastIndexOf("."))}`);
    await fetchStaged(reference, staging, path, signal);
    inputs[reference.task] = path;
  }
  return inputs;
}

function metadataOf({ sha256, rows, rows_digest }: StagedReference, runId: string): Record<string, string> {
  return {
    sha256,
    "run-id": encodeURIComponent(runId),
    ...(rows === null ? {} : { rows: String(rows) }),
    ...(rows_digest === null ? {} : { "rows-digest": rows_digest }),
  };
}
