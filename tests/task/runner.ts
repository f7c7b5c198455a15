import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { LocalAws } from "../../local/aws.ts";
import { root } from "../../local/paths.ts";
import { sha256 } from "../../src/ids.ts";
import { bundleRunner } from "../../src/release/bundle.ts";
import type { TaskDocument } from "../../src/task/document.ts";
import type { FunctionSpec, LoadSpec } from "../../src/task/spec.ts";

/** The runner as a release has it. It lies in the repository, so that it finds DuckDB. */
const runner = await writeRunner();

async function writeRunner(): Promise<string> {
  const files = await bundleRunner();
  const digest = sha256([...files].map(([path, bytes]) => `${path} ${sha256(bytes)}`).join("\n"));
  const folder = join(root, ".local", "runners", digest);
  for (const [path, bytes] of files) {
    const file = join(folder, path);
    if (existsSync(file)) continue;
    mkdirSync(dirname(file), { recursive: true });
    // Two test files may write it at once.
    const part = `${file}.${process.pid}`;
    writeFileSync(part, bytes);
    renameSync(part, file);
  }
  return join(folder, "run-task.mjs");
}

/** A release by hand: one DAG `demo`, its functions as plain JavaScript. Returns the release's folder. */
export function makeReleaseFolder(
  dir: string,
  tasks: Record<string, Partial<FunctionSpec> | Partial<LoadSpec>>,
  functions: string,
  { url = null, timezone = "UTC" }: { readonly url?: string | null; readonly timezone?: string } = {},
): string {
  const folder = mkdtempSync(join(dir, "release-"));
  mkdirSync(join(folder, "specs"));
  mkdirSync(join(folder, "functions"));
  const spec = {
    dag: "demo",
    scrape: "demo",
    url,
    functions: "functions/demo.mjs",
    config: "config.json",
    each_month: null,
    timezone,
    tasks,
  };
  writeFileSync(join(folder, "specs", "demo.json"), JSON.stringify(spec));
  writeFileSync(join(folder, "functions", "demo.mjs"), functions);
  writeFileSync(join(folder, "config.json"), '{"greeting":"hello"}');
  writeFileSync(join(folder, "run-task.mjs"), `import ${JSON.stringify(runner)};\n`);
  writeFileSync(join(folder, "release.json"), JSON.stringify({ release: "0".repeat(64), commit: null }));
  return folder;
}

export function functionSpec(more: Partial<FunctionSpec> = {}): FunctionSpec {
  return { kind: "extract", callable: "extract", extension: "csv", params: {}, dependencies: [], compare_with: [], ...more };
}

export interface Ending {
  readonly code: number | null;
  readonly log: string;
  readonly result: Record<string, unknown> | undefined;
  readonly peakMegabytes: number;
}

export interface RunningTask {
  readonly child: ChildProcess;
  readonly ended: Promise<Ending>;
  log(): string;
}

/** Starts the runner as the operator does: one line on stdin, which stays open. */
export function startTask(
  dir: string,
  aws: LocalAws,
  credentialsFile: string,
  document: Partial<TaskDocument> & { release_dir: string; task: string },
  wrap: string[] = [],
): RunningTask {
  const result = join(mkdtempSync(join(dir, "result-")), "result.json");
  const [command = "", ...args] = [...wrap, process.execPath, "--max-old-space-size=160", runner];
  const child = spawn(command, args, {
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
    env: {
      PATH: process.env.PATH,
      HOME: dir,
      TMPDIR: dir,
      AWS_SHARED_CREDENTIALS_FILE: credentialsFile,
      AWS_EC2_METADATA_DISABLED: "true",
      NODE_COMPILE_CACHE: join(root, ".local", "compile-cache"),
    },
  });
  const whole = {
    version: 1,
    release: "0".repeat(64),
    commit: null,
    dag: "demo",
    run_id: "manual__1",
    map_index: -1,
    try_number: 1,
    logical_date: "2023-01-29T09:00:00Z",
    run_after: "2023-02-28T09:00:00Z",
    data_interval: { start: "2023-01-29T09:00:00Z", end: "2023-02-28T09:00:00Z" },
    params: {},
    month: null,
    upstream: [],
    confirms: [],
    compare: null,
    staging: { bucket: "staging", prefix: "", region: aws.region, endpoint: aws.endpoint },
    database: null,
    origins: {},
    result_file: result,
    ...document,
  };
  child.stdin?.write(`${JSON.stringify(whole)}\n`);
  let log = "";
  let peak = 0;
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (data: Buffer) => (log += data.toString()));
  const sampling = setInterval(() => {
    peak = Math.max(peak, peakMemory(child.pid));
  }, 50);
  const ended = new Promise<Ending>((resolve) => {
    child.once("close", (code) => {
      clearInterval(sampling);
      resolve({
        code,
        log,
        result: existsSync(result) ? (JSON.parse(readFileSync(result, "utf8")) as Record<string, unknown>) : undefined,
        peakMegabytes: peak,
      });
    });
  });
  return { child, ended, log: () => log };
}

/** The kernel's own high-water mark of resident memory; 0 where there is no /proc. */
function peakMemory(pid: number | undefined): number {
  try {
    const kilobytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return Number(kilobytes ?? 0) / 1024;
  } catch {
    return 0; // it has just ended
  }
}
