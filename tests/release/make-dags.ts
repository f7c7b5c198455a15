import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseDagId, parseTaskId } from "../../src/ids.ts";
import type { Dag, ExtractTask, LoadTask, Scrape, TransformTask } from "../../src/scrape/model.ts";

/** Values of the scrape stage's model, without YAML: what a test does not say is the plainest. */

export function makeDag(changes: Partial<Omit<Dag, "id">> & { id?: string } = {}): Dag {
  const { id = "rows", ...rest } = changes;
  return {
    id: parseDagId(id),
    scrape: id,
    file: `scrapes/${id}/${id}.yml`,
    line: 2,
    owner: "data-platform",
    description: "Rows",
    schedule: { kind: "none" },
    startDate: "2024-01-01",
    endDate: null,
    timezone: "UTC",
    catchup: false,
    paused: false,
    maxActiveRuns: null,
    tags: [],
    params: {},
    url: "https://data.example.com/rows.csv",
    callableFile: `scrapes/${id}/functions.ts`,
    configPath: `scrapes/${id}/config/config.json`,
    email: [],
    emailOn: { failure: false, retry: false, success: false },
    retries: 0,
    retryDelaySeconds: 300,
    eachMonth: null,
    tasks: [extractTask("extract"), transformTask("transform", ["extract"]), loadTask("load", ["transform"])],
    ...rest,
  };
}

const task = { line: 10, retries: null, retryDelaySeconds: null, executionTimeoutSeconds: null, pool: null, params: {} } as const;

export function extractTask(id: string, changes: Partial<Omit<ExtractTask, "id">> = {}): ExtractTask {
  return {
    ...task,
    id: parseTaskId(id),
    kind: "extract",
    callable: "extract",
    fileExtension: "csv",
    comparisonCheck: false,
    waitForDataSeconds: null,
    dependencies: [],
    ...changes,
  };
}

export function transformTask(
  id: string,
  dependencies: readonly string[],
  changes: Partial<Omit<TransformTask, "id">> = {},
): TransformTask {
  const dependsOn = dependencies.map(parseTaskId);
  return {
    ...task,
    id: parseTaskId(id),
    kind: "transform",
    callable: "transform",
    fileExtension: "csv",
    comparisonCheck: false,
    dependencies: dependsOn,
    ...changes,
  };
}

export function loadTask(id: string, dependencies: readonly string[], changes: Partial<Omit<LoadTask, "id">> = {}): LoadTask {
  const fields = [{ name: "id", type: { name: "INTEGER" }, description: null }] as const;
  const dependsOn = dependencies.map(parseTaskId);
  return {
    ...task,
    id: parseTaskId(id),
    kind: "load",
    table: "rows",
    mode: { kind: "replace" },
    fields,
    maxBadRows: 0,
    adopts: [],
    dependencies: dependsOn,
    ...changes,
  };
}

/** A scrape with one DAG, or with the given ones. */
export function makeScrape(name = "rows", dags: readonly Dag[] = [makeDag({ id: name })], readme = `# ${name}\n`): Scrape {
  return { name, dir: `scrapes/${name}`, dags, readme };
}

/** Writes the files that `makeScrape`'s DAGs name; `shared` is a module outside that the functions import. */
export function writeSources(root: string, scrapes: readonly Scrape[], more: Readonly<Record<string, string>> = {}): void {
  const files: Record<string, string> = {};
  for (const scrape of scrapes) {
    files[`${scrape.dir}/functions.ts`] = functionsOf(scrape.name);
    files[`${scrape.dir}/helpers.ts`] = "export function label(name: string): string {\n  return 'rows of '.concat(name);\n}\n";
    files[`${scrape.dir}/config/config.json`] = `{"name": "${scrape.name}"}\n`;
  }
  for (const [path, text] of Object.entries({ ...files, ...more })) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

function functionsOf(name: string): string {
  return `import { Skip, type ExtractContext } from "dagline";
import { label } from "./helpers.ts";

export async function extract({ url }: ExtractContext): Promise<void> {
  if (url === "") throw new Skip("not published yet");
  console.log(label("${name}"));
}

export async function transform(): Promise<void> {}
`;
}
