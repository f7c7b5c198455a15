import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { TestDatabase } from "../../local/test-database.ts";
import { UserError } from "../errors.ts";
import type { LoadResult } from "../load/request.ts";
import { type Log, silentLog } from "../log.ts";
import { checkScrape } from "../scrape/check-scrapes.ts";
import { formatProblems } from "../scrape/format-problems.ts";
import type { Dag, Scrape, Task } from "../scrape/model.ts";
import { fillTemplate } from "../scrape/url-template.ts";
import type { ExtractContext, TransformContext } from "../task/api.ts";
import { fixtureFetch, type Served } from "./fixture-fetch.ts";
import type { Row } from "./read-files.ts";
import { recordLoad } from "./record-load.ts";
import { type RunTime, runInterval, runParams, runVariables } from "./run-time.ts";

/** When a run is, and what the network answers it. */
export interface RunOptions extends RunTime {
  /** The run's name. A load is a run of its own unless it is given: two loads of one name are one run that is run again. */
  readonly run?: string;
  readonly serve?: Served;
  readonly log?: Log;
}

/** Runs the tasks of one scrape as the task runner would, one at a time, on files in a temporary folder. */
export interface Testkit {
  /** Runs an extract task's function; resolves to the path of the file that it wrote. */
  runExtract(dag: string, task: string, options?: RunOptions): Promise<string>;
  /** Runs a transform task's function on a file, or on a file for each dependency by its task id. */
  runTransform(dag: string, task: string, input: string | Readonly<Record<string, string>>, options?: RunOptions): Promise<string>;
  /** Loads a file into a real PostgreSQL as the load task says. */
  load(dag: string, task: string, file: string, options?: RunOptions): Promise<LoadResult>;
  /** Loads a file and returns all rows of the table, in order, without the columns that dagline adds. */
  loadRows(dag: string, task: string, file: string, options?: RunOptions): Promise<Row[]>;
  /** The rows of a table, or those of one load. */
  rows(table: string, loadId?: string): Promise<Row[]>;
  /** Removes everything that the tests made. Call it in `test.after`. */
  close(): Promise<void>;
}

/** Opens the scrape in `folder` (a test gives its own: `import.meta.dirname`). Throws a UserError with every problem of its YAML. */
export async function openTestkit(folder: string): Promise<Testkit> {
  const root = dirname(dirname(folder));
  const { scrape, problems } = await checkScrape(root, basename(folder));
  if (scrape === null) throw new UserError(`the scrape has problems\n${formatProblems(problems, "text")}`);
  const temp = await mkdtemp(join(tmpdir(), `dagline-${scrape.name}-`));
  let database: Promise<TestDatabase> | undefined;
  let files = 0;
  let loads = 0;

  const run = async (
    kind: "extract" | "transform",
    ids: readonly [string, string],
    inputs: Readonly<Record<string, string>>,
    options: RunOptions,
  ) => {
    const { dag, task } = find(scrape, ...ids, kind);
    const output = join(temp, String(++files), `${task.id}.${task.fileExtension}`);
    await mkdir(dirname(output));
    const call = await functionOf(root, dag, task.callable);
    const [input = ""] = task.dependencies.map((id) => inputs[id]).filter((file) => file !== undefined);
    const context: ExtractContext<unknown> & TransformContext<unknown> = {
      url: dag.url === null || kind !== "extract" ? "" : fillTemplate(dag.url, runVariables(dag, task, options)),
      input,
      inputs,
      output,
      interval: runInterval(dag, options),
      params: runParams(dag, task, options),
      config: dag.configPath === null ? null : JSON.parse(await readFile(join(root, dag.configPath), "utf8")),
      log: options.log ?? silentLog,
      signal: new AbortController().signal,
      fetch: fixtureFetch(join(folder, "fixtures"), options.serve ?? {}),
    };
    await call(context);
    if (!existsSync(output)) throw new UserError(`${task.callable} of ${task.id} returned without writing its output`);
    return output;
  };
  // Only tests that load need a PostgreSQL, and the time that it takes to start.
  const openDatabase = (): Promise<TestDatabase> => {
    database ??= import("../../local/test-database.ts").then(({ openTestDatabase }) => openTestDatabase());
    return database;
  };
  const load = async (dagId: string, taskId: string, file: string, options: RunOptions = {}): Promise<LoadResult> => {
    const { dag, task } = find(scrape, dagId, taskId, "load");
    const { loadInto } = await import("./load-into.ts");
    const result = await loadInto(await openDatabase(), dag, task, file, {
      run: options,
      runId: `test__${options.run ?? `load ${++loads}`}`,
      temporary: join(temp, "duckdb"),
      log: options.log ?? silentLog,
    });
    const columns = task.fields.map(({ name }) => name);
    await recordLoad({ dag: dag.id, task: task.id, table: task.table, columns }, () => rows(task.table));
    return result;
  };
  const rows = async (table: string, loadId?: string): Promise<Row[]> => {
    const found = await (await openDatabase()).rows(table, loadId);
    return found.map(({ scraping_execution_date: _date, _load_id, ...row }) => row);
  };

  return {
    load,
    rows,
    runExtract: (dag, task, options = {}) => run("extract", [dag, task], {}, options),
    async runTransform(dag, task, input, options = {}) {
      const { dependencies } = find(scrape, dag, task, "transform").task;
      const inputs = typeof input === "string" ? Object.fromEntries(dependencies.slice(0, 1).map((id) => [id, input])) : input;
      return run("transform", [dag, task], inputs, options);
    },
    async loadRows(dag, task, file, options = {}) {
      return rows((await load(dag, task, file, options)).table);
    },
    async close() {
      await (await database)?.close();
      await rm(temp, { recursive: true, force: true });
    },
  };
}

function find<Kind extends Task["kind"]>(
  scrape: Scrape,
  dagId: string,
  taskId: string,
  kind: Kind,
): { dag: Dag; task: Extract<Task, { kind: Kind }> } {
  const dag = scrape.dags.find(({ id }) => id === dagId);
  if (dag === undefined)
    throw new UserError(`${scrape.dir} has no DAG ${dagId}`, { hint: `It has: ${scrape.dags.map(({ id }) => id).join(", ")}.` });
  const task = dag.tasks.find((one): one is Extract<Task, { kind: Kind }> => one.id === taskId && one.kind === kind);
  if (task !== undefined) return { dag, task };
  const others = dag.tasks.filter((one) => one.kind === kind).map(({ id }) => id);
  throw new UserError(`${dag.file} has no ${kind} task ${taskId}`, { hint: `It has: ${others.join(", ")}.` });
}

async function functionOf(root: string, dag: Dag, name: string): Promise<(context: unknown) => Promise<void>> {
  if (dag.callableFile === null) throw new UserError(`${dag.file} names no callable_file`);
  const module: Readonly<Record<string, unknown>> = await import(pathToFileURL(join(root, dag.callableFile)).href);
  const found = module[name];
  if (typeof found !== "function") throw new UserError(`${dag.callableFile} exports no function ${name}`);
  return async (context) => {
    await found(context);
  };
}
