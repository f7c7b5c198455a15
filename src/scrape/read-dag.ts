import type { DagId } from "../ids.ts";
import { checkClock } from "./check-clock.ts";
import { checkSchema } from "./check-schema.ts";
import { checkSlices, type LocatedLoad } from "./check-slices.ts";
import { checkGraph } from "./graph.ts";
import type { Dag } from "./model.ts";
import { readParams } from "./param/read-params.ts";
import { type Located, type MapReader, readMap } from "./read-node.ts";
import { readTasks } from "./read-tasks.ts";
import { readDates, readDuration, readEmail, readSchedule, readTimeZone } from "./read-values.ts";
import type { Report } from "./report.ts";
import { checkEachMonth, checkTemplates } from "./templates.ts";
import { parseYaml } from "./yaml.ts";
import type { YamlMap } from "./yaml-node.ts";

/** A DAG as its file has it, with the places that checks across files need. It is whole only when its file has no problem. */
export interface ReadDag {
  readonly dag: Dag;
  readonly report: Report;
  readonly at: number;
  readonly callables: readonly Located<string>[];
  readonly callableFile: Located<string> | undefined;
  readonly configPath: Located<string> | undefined;
  readonly loads: readonly LocatedLoad[];
  readonly assets: readonly Located<string>[];
}

/** Reads one DAG file and reports all that is wrong in it; null when it is no DAG at all. `file` is `scrapes/NAME/DAG_ID.yml`. */
export function readDag(scrape: string, file: string, text: string, report: Report): ReadDag | null {
  const { root, faults } = parseYaml(text);
  for (const fault of faults) report.error(fault.at, fault.code, fault.message, fault.hint);
  const expected = file.slice(file.lastIndexOf("/") + 1).replace(/\.ya?ml$/, "");
  if (root === null) {
    if (faults.length === 0) report.error(0, "not-a-dag", "the file is empty", `A DAG file has one key, the DAG's id: \`${expected}:\`.`);
    return null;
  }
  const id = root.kind === "map" ? dagKey(root, expected) : undefined;
  if (root.kind !== "map" || id === undefined) {
    const hint = `A DAG file has one key, the DAG's id (\`${expected}:\`), with owner, schedule and tasks under it. Other YAML belongs in config/ or fixtures/.`;
    report.error(root.at, "not-a-dag", "this YAML file is not a DAG", hint);
    return null;
  }
  checkTopLevel(root, id, expected, report);
  checkSchema(root, id, report);
  const entry = root.entries.get(id);
  if (entry?.value.kind !== "map") return null;
  return readBody(scrape, file, id, readMap(entry.value, entry.at), report);
}

/** The key that holds the DAG: the file's name, else the first that holds what only a DAG has. */
function dagKey(root: YamlMap, expected: string): string | undefined {
  if (root.entries.has(expected)) return expected;
  const signs = ["tasks", "schedule", "schedule_interval", "default_args", "start_date"];
  for (const [key, { value }] of root.entries) {
    if (value.kind === "map" && signs.some((sign) => value.entries.has(sign))) return key;
  }
  return undefined;
}

function checkTopLevel(root: YamlMap, id: string, expected: string, report: Report): void {
  for (const [key, { at }] of root.entries) {
    if (key === id) continue;
    report.error(
      at,
      "several-keys",
      `\`${key.slice(0, 100)}\` stands next to the DAG \`${id}\``,
      "A file holds one DAG: move another DAG to a file of its own; set anchors where they are used first.",
    );
  }
  if (id !== expected) {
    report.error(
      root.entries.get(id)?.at ?? 0,
      "file-name",
      `the DAG \`${id.slice(0, 100)}\` is in a file named ${expected}.yml`,
      `Rename the file to ${id.slice(0, 100)}.yml, or the DAG to \`${expected}\`.`,
    );
  }
}

function readBody(scrape: string, file: string, id: string, reader: MapReader, report: Report): ReadDag {
  const { schedule, assets } = readSchedule(reader, report);
  const dates = readDates(reader, schedule, report);
  const timezone = readTimeZone(reader, report);
  checkClock(reader, schedule, { ...dates, timezone }, report);
  const params = readParams(reader, schedule.kind !== "none", report);
  const { tasks, graph, callables, readers, loads } = readTasks(id, reader, report);
  checkGraph(graph, report);
  const eachMonth = checkEachMonth(reader, params, report);
  checkTemplates(reader, params, graph, readers, report);
  const url = reader.text("url");
  const dir = file.slice(0, file.lastIndexOf("/"));
  const callableFile = reader.text("callable_file");
  const configPath = reader.text("config_path");
  const dag: Dag = {
    id: id as DagId, // the schema checks its form
    scrape,
    file,
    line: report.place(reader.at).line,
    owner: reader.text("owner")?.value ?? "",
    description: reader.text("description")?.value ?? "",
    schedule,
    ...dates,
    timezone,
    catchup: reader.flag("catchup") ?? false,
    paused: reader.flag("paused") ?? false,
    maxActiveRuns: reader.number("max_active_runs")?.value ?? null,
    tags: reader.texts("tags").map(({ value }) => value),
    params,
    url: url?.value ?? null,
    callableFile: callables.length === 0 ? null : `${dir}/${normalize(callableFile?.value ?? "functions.ts")}`,
    configPath: configPath === undefined ? null : `${dir}/${normalize(configPath.value)}`,
    ...readEmail(reader, report),
    retries: reader.number("retries")?.value ?? 1,
    retryDelaySeconds: readDuration(reader, "retry_delay", report) ?? 300,
    eachMonth,
    tasks,
  };
  if (!report.full) checkSlices(dag, loads, report);
  return { dag, report, at: reader.at, callables, callableFile, configPath, loads, assets };
}

/** `./functions.ts` is `functions.ts`; what leaves the folder is reported elsewhere. */
function normalize(path: string): string {
  return path.replace(/^(?:\.\/+)+/, "");
}
