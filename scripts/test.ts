// Runs every check and every test file, each file in a process of its own, and sums them up in the last line.
//   npm test                    everything
//   npm run check               the checks alone
//   npm test -- unit            the files that start no real part (under 20 s)
//   npm test -- tests/load      the files whose path contains one of the words
//   npm run test:cloud          the cloud, deployed for real to an AWS on this machine
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { pythonBin, root } from "../local/paths.ts";
import { cloudPostgresVersion, postgresVersions } from "../local/postgres-cluster.ts";
import { makeScratchFolder } from "./scratch-folder.ts";

interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** A test file, on the cloud's PostgreSQL unless another version is named. */
interface Run {
  readonly file: string;
  readonly version?: number;
}

const words = process.argv.slice(2);
const unitOnly = words[0] === "unit";
const checksOnly = words[0] === "check";
/** Deploying the whole cloud to a local AWS takes minutes by itself: `npm run test:cloud`. */
const isCloud = (file: string): boolean => file.includes(".cloud.");
const wanted = (name: string): boolean =>
  !checksOnly && (words.length === 0 || unitOnly ? !isCloud(name) : words.some((word) => name.includes(word)));
const durationsFile = join(root, ".local", "test-durations.json");
const lastDurations = readDurations();
const durations: Record<string, number> = {};
const width = Math.max(2, availableParallelism());
const total = { passed: 0, failed: 0, skipped: 0 };
const started = performance.now();
const scratch = makeScratchFolder();

const files = testFiles().filter(wanted);
const unit = files.filter((file) => !isReal(file) && !needsQuiet(file));
const real = unitOnly ? [] : files.filter((file) => isReal(file) && !needsQuiet(file));
const quiet = files.filter((file) => needsQuiet(file) && !(unitOnly && isReal(file)));

const checks: [string, string, string[]][] = [
  ["types (tsc)", "tsc", ["-p", "."]],
  ["lint and format (biome)", "biome", ["check", "--error-on-warnings"]],
  ["nothing unused (knip)", "knip", ["--no-progress"]],
  ["the scrapes (dagline validate)", process.execPath, ["src/cli/main.ts", "validate"]],
  ["the tables of the actions", process.execPath, ["scripts/action-tables.ts", "--check"]],
  ["Python lint (ruff)", join(pythonBin, "ruff"), ["check", "airflow", "tests/infra"]],
  ["Python format (ruff)", join(pythonBin, "ruff"), ["format", "--check", "airflow", "tests/infra"]],
];
if (words.length === 0 || checksOnly) await inParallel(width, checks, ([name, command, args]) => runCheck(name, command, args));
/** A load does the same on every PostgreSQL that is supported: its tests run on each. */
const onOtherVersions: Run[] = real
  .filter((file) => file.startsWith("tests/load/"))
  .flatMap((file) => postgresVersions.filter((version) => version !== cloudPostgresVersion).map((version) => ({ file, version })));
await inParallel(width, unit.map(once), runFile);
await inParallel(width, longestFirst([...real.map(once), ...onOtherVersions]), runFile);
await inParallel(1, quiet.map(once), runFile);
mkdirSync(join(root, ".local"), { recursive: true });
writeFileSync(durationsFile, JSON.stringify({ ...lastDurations, ...durations }));

const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
process.stderr.write(
  `${unit.length + real.length + onOtherVersions.length + quiet.length} files in ${((performance.now() - started) / 1000).toFixed(0)} s\n`,
);
process.stdout.write(`${total.passed} passed, ${total.failed} failed${skipped}\n`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;

function isReal(file: string): boolean {
  return file.includes(".real.") || /^tests\/(?:e2e|infra)\//.test(file) || file.endsWith("component.test.ts");
}

/** What asserts how long something takes has the machine to itself. */
function needsQuiet(file: string): boolean {
  return isCloud(file) || /speed|thousand/.test(file);
}

/** What took longest the last time begins first, so that in the end no processor waits for it. */
function longestFirst(runs: readonly Run[]): Run[] {
  const seconds = (run: Run): number => lastDurations[nameOf(run)] ?? (/act\.real|tests\/e2e|airflow\.real/.test(run.file) ? 100 : 0);
  return runs.toSorted((a, b) => seconds(b) - seconds(a));
}

function readDurations(): Record<string, number> {
  try {
    return JSON.parse(readFileSync(durationsFile, "utf8")) as Record<string, number>;
  } catch {
    return {}; // no run so far, or one that was stopped as it wrote: then the order is another
  }
}

function nameOf({ file, version }: Run): string {
  return version === undefined ? file : `${file} on PostgreSQL ${version}`;
}

function testFiles(): string[] {
  return ["tests", "scrapes"]
    .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((file) => `${folder}/${file}`))
    .filter((file) => file.endsWith(".test.ts"))
    .sort();
}

async function runCheck(name: string, command: string, args: string[]): Promise<void> {
  const { code, output, seconds } = await run(command, args);
  report(name, { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 }, seconds, output);
}

function once(file: string): Run {
  return { file };
}

async function runFile({ file, version }: Run): Promise<void> {
  const { code, output, seconds } = await run(process.execPath, [file], version === undefined ? {} : { DAGLINE_POSTGRES: String(version) });
  const count = (label: string): number => Number(new RegExp(`^\\s+${label}:\\s+(\\d+)`, "m").exec(output)?.[1] ?? 0);
  const passed = count("Passed");
  const skipped = count("Skipped");
  // A file that ran no test, or that crashed beside its tests, is a failure even where no test says so.
  const failed = Math.max(count("Total") - passed - skipped, code !== 0 || count("Total") === 0 ? 1 : 0);
  const name = nameOf({ file, ...(version === undefined ? {} : { version }) });
  durations[name] = seconds;
  report(name, { passed, failed, skipped }, seconds, output);
}

function report(name: string, outcome: Outcome, seconds: number, output: string): void {
  total.passed += outcome.passed;
  total.failed += outcome.failed;
  total.skipped += outcome.skipped;
  const mark = outcome.failed > 0 ? "✗" : "✓";
  process.stderr.write(
    `${mark} ${name} (${outcome.passed}${outcome.failed > 0 ? `, ${outcome.failed} failed` : ""}) ${seconds.toFixed(1)} s\n`,
  );
  if (outcome.failed > 0) process.stderr.write(`${output.trimEnd()}\n`);
}

function run(
  command: string,
  args: string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number | null; output: string; seconds: number }> {
  const start = performance.now();
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        ...env,
        FORCE_COLOR: "0",
        NO_COLOR: "1",
        NODE_COMPILE_CACHE: join(root, ".local", "compile-cache"),
        TMPDIR: scratch,
      },
    });
    let output = "";
    const collect = (data: Buffer): void => {
      output += data.toString();
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.once("error", (error) => resolve({ code: 127, output: `${output}${error.message}\n`, seconds: 0 }));
    child.once("close", (code) => resolve({ code, output, seconds: (performance.now() - start) / 1000 }));
  });
}

async function inParallel<T>(width: number, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
