import type { TaskId } from "../ids.ts";
import type { LocatedLoad } from "./check-slices.ts";
import { didYouMean } from "./did-you-mean.ts";
import type { GraphTask } from "./graph.ts";
import type { Field, LoadTask, Task, WriteMode } from "./model.ts";
import { readAdoptions } from "./read-adoptions.ts";
import { readFields } from "./read-fields.ts";
import { type Located, type MapReader, readMap, toRecord } from "./read-node.ts";
import { readDuration } from "./read-values.ts";
import type { Report } from "./report.ts";

export interface ReadTasks {
  readonly tasks: readonly Task[];
  readonly graph: ReadonlyMap<string, GraphTask>;
  readonly callables: readonly Located<string>[];
  /** The tasks' own maps, to find places in. */
  readonly readers: ReadonlyMap<string, MapReader>;
  readonly loads: readonly LocatedLoad[];
}

const kinds = ["extract", "transform", "load"] as const;
type Kind = (typeof kinds)[number];

const commonKeys = ["kind", "params", "dependencies", "retries", "retry_delay", "pool", "execution_timeout"];
const fileKeys = ["callable", "file_extension", "latest_file_comparison_check"];
const ownKeys: Readonly<Record<Kind, readonly string[]>> = {
  extract: [...fileKeys, "wait_for_data"],
  transform: fileKeys,
  load: ["dataset_name", "mode", "key", "slice", "fields", "max_bad_rows", "adopts"],
};

/** Reads the tasks of a DAG and reports what is wrong within each. */
export function readTasks(dagId: string, dag: MapReader, report: Report): ReadTasks {
  const tasks: Task[] = [];
  const graph = new Map<string, GraphTask>();
  const callables: Located<string>[] = [];
  const readers = new Map<string, MapReader>();
  const loads: LocatedLoad[] = [];
  for (const [id, entry] of dag.child("tasks")?.map.entries ?? []) {
    if (entry.value.kind !== "map") continue;
    const reader = readMap(entry.value, entry.at);
    readers.set(id, reader);
    const kind = kindOf(id, reader, report);
    graph.set(id, {
      id,
      kind,
      at: entry.at,
      dependencies: reader.texts("dependencies"),
      checkAt: reader.flag("latest_file_comparison_check") === true ? reader.keyAt("latest_file_comparison_check") : null,
      extension: reader.text("file_extension")?.value ?? null,
    });
    if (kind === null) continue;
    checkKeys(id, kind, reader, report);
    const task = kind === "load" ? readLoad(dagId, id, reader, report) : readFileTask(id, kind, reader, report);
    const callable = kind === "load" ? undefined : reader.text("callable");
    if (callable !== undefined) callables.push(callable);
    tasks.push(task);
    if (task.kind === "load") {
      const at = reader.text("dataset_name")?.at ?? entry.at;
      loads.push({ task, at, modeAt: reader.text("mode")?.at ?? at, sliceAt: reader.text("slice")?.at ?? at });
    }
  }
  return { tasks, graph, callables, readers, loads };
}

function kindOf(id: string, reader: MapReader, report: Report): Kind | null {
  const written = reader.text("kind")?.value;
  if (reader.has("kind")) return kinds.find((kind) => kind === written) ?? null; // the schema reports any other
  const kind = kinds.find((candidate) => candidate === /^(extract|transform|load)(?![A-Za-z])/.exec(id)?.[1]);
  if (kind !== undefined) return kind;
  const first = id.split("_")[0] ?? "";
  report.error(
    reader.at,
    "no-kind",
    `what \`${id}\` does is not said`,
    `Begin its id with extract_, transform_ or load_, or write \`kind\`. ${didYouMean(first, kinds, "")}`.trim(),
  );
  return null;
}

function checkKeys(id: string, kind: Kind, reader: MapReader, report: Report): void {
  const allowed = [...commonKeys, ...ownKeys[kind]];
  for (const key of new Set(Object.values(ownKeys).flat())) {
    if (!allowed.includes(key) && reader.has(key)) {
      report.error(
        reader.keyAt(key),
        "key-of-other-kind",
        `\`${key}\` is not for a task of kind ${kind}, which \`${id}\` is`,
        `A ${kind} takes ${allowed.join(", ")}.`,
      );
    }
  }
  const needed = kind === "load" ? ["dataset_name", "mode", "fields"] : ["callable", "file_extension"];
  for (const key of needed) {
    if (!reader.has(key)) report.error(reader.at, "missing-key", `the ${kind} \`${id}\` has no \`${key}\``, neededHints[key] ?? "");
  }
}

const neededHints: Record<string, string> = {
  dataset_name: "dataset_name: the table that the rows go to.",
  mode: "mode: append (add rows), replace (swap all rows) or upsert (merge by `key`).",
  fields: "fields: the table's columns, a list of { name: …, type: … }.",
  callable: "callable: the function, exported by the callable_file.",
  file_extension: "file_extension: the ending of the file that it makes, such as csv.",
};

function base(id: string, reader: MapReader, report: Report) {
  return {
    id: id as TaskId, // the schema checks the form of a task's id
    line: report.place(reader.at).line,
    dependencies: reader.texts("dependencies").map(({ value }) => value as TaskId),
    retries: reader.number("retries")?.value ?? null,
    retryDelaySeconds: readDuration(reader, "retry_delay", report),
    executionTimeoutSeconds: readDuration(reader, "execution_timeout", report, 1),
    pool: reader.text("pool")?.value ?? null,
    params: toRecord(reader.node("params")),
  };
}

function readFileTask(id: string, kind: "extract" | "transform", reader: MapReader, report: Report): Task {
  const task = {
    ...base(id, reader, report),
    callable: reader.text("callable")?.value ?? "",
    fileExtension: reader.text("file_extension")?.value ?? "",
    comparisonCheck: reader.flag("latest_file_comparison_check") ?? false,
  };
  if (kind === "transform") return { ...task, kind };
  return { ...task, kind, waitForDataSeconds: readDuration(reader, "wait_for_data", report, 60) };
}

function readLoad(dag: string, id: string, reader: MapReader, report: Report): LoadTask {
  const fields = readFields(reader, report);
  const table = reader.text("dataset_name");
  if (table !== undefined && !/^[a-z_][a-z0-9_]{0,62}$/.test(table.value)) {
    report.error(
      table.at,
      "table-name",
      `${JSON.stringify(table.value.slice(0, 80))} is not a table's name`,
      "Lower-case letters, digits and underscores, a letter first, at most 63; no schema: it is the connection's.",
    );
  }
  return {
    ...base(id, reader, report),
    kind: "load",
    table: table?.value ?? "",
    mode: readMode(reader, fields, report),
    fields,
    maxBadRows: reader.number("max_bad_rows")?.value ?? 0,
    adopts: readAdoptions(dag, id, reader, report),
  };
}

function readMode(reader: MapReader, fields: readonly Field[], report: Report): WriteMode {
  const mode = reader.text("mode")?.value;
  const known = mode === "append" || mode === "replace" || mode === "upsert";
  if (known && mode !== "upsert" && reader.has("key")) {
    report.error(
      reader.keyAt("key"),
      "key-without-upsert",
      `\`key\` is for mode upsert, and this load's mode is ${mode}`,
      "Write `mode: upsert`, or take `key` out.",
    );
  }
  if (known && mode !== "append" && reader.text("slice") !== undefined) {
    report.error(
      reader.keyAt("slice"),
      "slice-without-append",
      `\`slice\` is for mode append, and this load's mode is ${mode}`,
      "Write `mode: append`, or take `slice` out.",
    );
  }
  if (mode === "replace") return { kind: "replace" };
  if (mode !== "upsert") return { kind: "append", slice: reader.text("slice")?.value ?? null };
  if (!reader.has("key"))
    report.error(
      reader.keyAt("mode"),
      "missing-key",
      "a load with mode upsert needs its `key`",
      "key: the fields that name a row, such as [id].",
    );
  const names = fields.map((field) => field.name);
  for (const { value, at } of reader.texts("key")) {
    if (!names.includes(value))
      report.error(at, "key-not-a-field", `the key \`${value.slice(0, 80)}\` is not among the fields`, didYouMean(value, names));
  }
  return { kind: "upsert", key: reader.texts("key").map(({ value }) => value) };
}
