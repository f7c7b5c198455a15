import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256 } from "../ids.ts";
import type { LoadRequest } from "../load/request.ts";
import { OVERWRITE_NEWER } from "../scrape/reserved-params.ts";
import { fillSlice } from "../scrape/url-template.ts";
import type { TaskDocument } from "./document.ts";
import type { DagSpec, LoadSpec } from "./spec.ts";
import { intervalOf, sliceValues } from "./variables.ts";

/** What the run's load `task` asks of the load stage, but for its files: the same whether the load asks or a task above that compares. */
export async function loadRequestOf(
  document: TaskDocument,
  dag: DagSpec,
  task: string,
  spec: LoadSpec,
): Promise<Omit<LoadRequest, "files" | "signal">> {
  const { month, params, run_after } = document;
  const now = new Date(run_after);
  const values = sliceValues({
    interval: intervalOf(document, dag.timezone),
    month,
    timezone: dag.timezone,
    params: { ...params, ...spec.params },
    now,
  });
  const adopts = spec.adopts ?? [];
  const { mode } = spec;
  const sliceTemplate = mode.kind === "append" ? mode.slice : null;
  return {
    dag: document.dag,
    task,
    runId: document.run_id,
    mapIndex: document.map_index,
    release: document.release,
    commit: document.commit,
    executionDate: document.logical_date ?? run_after,
    // The end, not the start: a run on demand of the same day has no interval, and is the older one.
    runDate: document.data_interval?.end ?? document.logical_date ?? run_after,
    month,
    table: spec.table,
    mode: sliceTemplate === null ? mode : { kind: "append", slice: fillSlice(sliceTemplate, values) },
    sliceTemplate,
    fields: spec.fields.map((field) => ({ ...field, description: null })),
    maxBadRows: spec.max_bad_rows,
    code: await codeDigest(document, dag),
    confirms: Object.fromEntries(
      document.confirms.flatMap(({ task: id, rows_digest }) => (rows_digest === null ? [] : [[id, rows_digest]])),
    ),
    adopts: {
      tasks: adopts.filter((old) => "task" in old),
      slices: adopts.flatMap((old) => ("slice" in old ? [fillSlice(old.slice, values)] : [])),
    },
    overwriteNewer: params[OVERWRITE_NEWER] === true,
  };
}

/** Of all that the release and the run's params say about how the rows come about. A bundle names its shared code by digest. */
async function codeDigest({ release_dir, params }: TaskDocument, dag: DagSpec): Promise<string> {
  const files = [join("specs", `${dag.dag}.json`), dag.functions, dag.config].filter((path) => path !== null);
  const digests = await Promise.all(files.map(async (path) => sha256(await readFile(join(release_dir, path)))));
  // The months of a mapped DAG say which runs there are, not what one of them loads.
  const notRows = new Set<string>([OVERWRITE_NEWER, dag.each_month?.from ?? "", dag.each_month?.to ?? ""]);
  const plain = Object.entries(params).filter(([name]) => !notRows.has(name));
  return sha256(JSON.stringify([digests, plain.sort(([a], [b]) => (a < b ? -1 : 1))]));
}
