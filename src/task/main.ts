// run-task.mjs: one task of one run. The operator writes one line of JSON to stdin and keeps stdin open; its end means that the
// operator is gone, and then this process and all that it started must go, too.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { exitCode, TransientError } from "../errors.ts";
import { parseTaskDocument, resultFileOf } from "./document.ts";
import { endWithParent } from "./end-with-parent.ts";
import { describeFailure } from "./failure.ts";
import { writeOutputAtOnce } from "./output.ts";
import { runTask, type TaskResult } from "./run-task.ts";
import { consoleLog } from "./task-log.ts";

writeOutputAtOnce();
process.setSourceMapsEnabled(true);
const log = consoleLog;
const killed = new AbortController();
const dir = mkdtempSync(join(tmpdir(), "dagline-task-"));
const removeFiles = (): void => rmSync(dir, { recursive: true, force: true });
let resultFile: string | undefined;
let started = false;
let ended = false;

/** Writes the result, whole or not at all, and sets the exit code. Only the first ending counts. */
function end(result: TaskResult | ReturnType<typeof describeFailure>["result"], code: number): void {
  if (ended) return;
  ended = true;
  process.exitCode = code;
  if (resultFile === undefined) return;
  writeFileSync(`${resultFile}.part`, JSON.stringify(result));
  renameSync(`${resultFile}.part`, resultFile);
}

function fail(error: unknown): void {
  const { result, code, text } = describeFailure(error);
  if (!ended) log.error(text);
  end(result, code);
}

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  process.on(signal, () => {
    killed.abort(new TransientError(`the task was stopped (${signal})`));
    // A function that ignores the signal gets no more than this; the operator's KILL comes later.
    setTimeout(() => process.exit(exitCode.tryAgain), 3000).unref();
  });
}
process.on("uncaughtException", (error) => {
  fail(error);
  process.exit();
});
process.on("beforeExit", () => {
  if (!ended) fail(new Error("the function never finished: it waits for something that nothing will bring about"));
});
process.on("exit", () => {
  removeFiles();
  if (ended) return;
  const itself = new Error(`the function ended the process itself, with exit code ${process.exitCode ?? 0}; throw an error instead`);
  fail(killed.signal.aborted ? killed.signal.reason : itself);
});

endWithParent(dir);
const lines = createInterface({ input: process.stdin });
lines.once("line", (line) => {
  // stdin alone must not keep a process alive whose work has come to nothing.
  process.stdin.unref?.();
  void main(line)
    // What a worker of the function printed last is still on its way to this thread.
    .finally(() => new Promise((resolve) => setImmediate(resolve)))
    .catch(fail)
    .finally(() => process.exit());
});
lines.once("close", () => {
  if (!started && !ended) return fail(new Error("no task document on stdin"));
  killed.abort(new Error("Airflow's task process is gone"));
  setTimeout(() => {
    removeFiles();
    process.kill(-process.pid, "SIGKILL");
  }, 2000);
});

async function main(line: string): Promise<void> {
  started = true;
  resultFile = resultFileOf(line);
  const document = parseTaskDocument(line);
  const { staging } = document;
  const result = await runTask(document, {
    staging: async () => {
      const { S3ObjectStore } = await import("../services/s3.ts");
      return new S3ObjectStore(staging);
    },
    tables: async () => (await import("../services/duckdb.ts")).duckdbTables,
    database: async (address) => (await import("../services/postgres.ts")).connectPostgres(address),
    log,
    dir,
    signal: killed.signal,
    now: new Date(document.run_after),
  });
  if (result.state === "skipped") log.info(`skipped: ${result.reason}`);
  end(result, result.state === "skipped" ? exitCode.skipped : exitCode.done);
}
