import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres } from "../../local/postgres.ts";
import { UserError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { RecordedLoad } from "../recorded-load.ts";
import { RECORD_VARIABLE } from "../testkit/record-load.ts";
import { readFailures, type TestFailure } from "./test-failures.ts";

export interface ScrapeTestResult {
  readonly file: string;
  readonly ok: boolean;
  readonly seconds: number;
  readonly passed: number;
  readonly failures: readonly TestFailure[];
}

/**
 * Runs each `*.test.ts` of the scrapes in a process of its own, all on one PostgreSQL that is started for them, or is there already.
 * `rows` names a file to write what they loaded to, for a plan to compare.
 */
export async function testScrapes(root: string, names: readonly string[], log: Log, rows?: string): Promise<ScrapeTestResult[]> {
  const files = testFiles(root, names);
  const dir = await mkdtemp(join(tmpdir(), "dagline-test-"));
  const postgres = process.env.DAGLINE_TEST_SOCKET === undefined ? await startPostgres({ dir, settings: { fsync: "off" } }) : undefined;
  const record = join(dir, "loads.ndjson");
  const results: ScrapeTestResult[] = [];
  try {
    for (const file of files) {
      const start = performance.now();
      const { code, output } = await runFile(root, file, {
        ...process.env,
        ...(postgres === undefined ? {} : { DAGLINE_TEST_SOCKET: postgres.socketDir, DAGLINE_TEST_PORT: String(postgres.port) }),
        ...(rows === undefined ? {} : { [RECORD_VARIABLE]: record }),
      });
      // A file that declares tests and forgets `test.run()` passes silently: count what ran.
      const passed = Number(/^\s+Passed:\s+(\d+)/m.exec(output)?.[1] ?? 0);
      const ok = code === 0 && passed > 0;
      const seconds = Math.round(performance.now() - start) / 1000;
      log.info(`${ok ? "✓" : "✗"} ${file} ${seconds.toFixed(1)} s`);
      if (!ok) log.info(output.trimEnd() === "" ? "  it ran no test: end the file with test.run()" : output.trimEnd());
      results.push({ file, ok, seconds, passed, failures: ok ? [] : failuresIn(output, file) });
    }
    if (rows !== undefined) writeFileSync(rows, `${JSON.stringify({ loads: readRecord(record) })}\n`);
  } finally {
    await postgres?.stop();
    await rm(dir, { recursive: true, force: true });
  }
  return results;
}

/** A file that crashed, or ran no test, has no failure of a test to tell: its last lines do. */
function failuresIn(output: string, file: string): TestFailure[] {
  const failures = readFailures(output, file);
  if (failures.length > 0) return failures;
  const message = output.trim() === "" ? "it ran no test: end the file with test.run()" : output.trim().split("\n").slice(-8).join("\n");
  return [{ title: file, message, line: 1, column: 1 }];
}

function readRecord(file: string): RecordedLoad[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as RecordedLoad);
}

function testFiles(root: string, names: readonly string[]): string[] {
  const all = readdirSync(join(root, "scrapes"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
  for (const name of names) {
    if (!all.includes(name)) throw new UserError(`there is no scrapes/${name}`, { hint: `There are: ${all.sort().join(", ")}.` });
  }
  const wanted = names.length > 0 ? names : all;
  return wanted
    .flatMap((name) => ["unit.test.ts", "component.test.ts"].map((file) => `scrapes/${name}/${file}`))
    .filter((file) => existsSync(join(root, file)))
    .sort();
}

function runFile(root: string, file: string, env: NodeJS.ProcessEnv): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file], { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data: Buffer) => {
        output += data.toString();
      });
    }
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output }));
  });
}
