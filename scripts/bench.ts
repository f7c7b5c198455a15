import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { root } from "../local/paths.ts";
import { startPostgres } from "../local/postgres.ts";
import { identifiers, literal } from "../src/load/sql.ts";
import type { WriteMode } from "../src/scrape/model.ts";
import { aRequest } from "../tests/load/fixture.ts";
import type { LoadJob, LoadJobResult } from "../tests/load/load-process.ts";
import { benchMemory } from "./bench-memory.ts";
import { benchParquet } from "./bench-parquet.ts";
import { type TripFile, tripColumns, tripFields, writeTrips } from "./bench-trips.ts";
import { benchDatabase, benchRole } from "./psql-copy.ts";

/**
 * Compares loads with psql doing the same, in turns, on PostgreSQL 18 and the 21 columns of the taxi table, and prints medians of three.
 * BENCH_ROWS is the size of the large table, by default five million rows; the other one has a fifth of them.
 */
const large = Number(process.env.BENCH_ROWS ?? 5_000_000);
const small = Math.ceil(large / 5);
const turns = 3;
const dir = mkdtempSync(join(tmpdir(), "dagline-bench-"));
const ours = "bench_dagline";
const theirs = "bench_psql";
const columns = identifiers(tripColumns);
const append: WriteMode = { kind: "append", slice: null };
const upsert: WriteMode = { kind: "upsert", key: ["id"] };
let runs = 0;

const server = await startPostgres({ dir, version: 18, settings: { wal_level: "replica", max_wal_size: "1GB" } });
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    void server.stop().then(() => {
      rmSync(dir, { recursive: true, force: true });
      process.exit(130);
    });
  });
}
try {
  const base = await writeTrips(dir, "base", small);
  const whole = await writeTrips(dir, "whole", large);
  const bad = await writeTrips(dir, "bad", small, { badAt: Math.floor(small / 2) });
  print(`${small.toLocaleString("en")} and ${large.toLocaleString("en")} rows; psql = 1.00 unless said otherwise\n`);

  await compare("append, small", 0.95, () => reset(), append, base, copy(theirs, base));
  await compare("append, large", 0.95, () => reset(), append, whole, copy(theirs, whole));
  await compare(
    "replace",
    0.95,
    () => reset(base),
    { kind: "replace" },
    base,
    `BEGIN;\nDELETE FROM ${theirs};\n${copy(theirs, base)}\nCOMMIT;`,
  );
  for (const [name, target, changed] of [
    ["unchanged", 2, () => false],
    ["1 % changed", 2, (id: number) => id % 100 === 0],
    ["all changed", 1, () => true],
  ] as const) {
    const file = await writeTrips(dir, "upsert", small, { changed });
    await compare(`upsert, ${name}`, target, () => reset(base, "id"), upsert, file, mergeByPsql(file));
  }
  await oneBadRow(base, bad);
  await rerunOfSlice(whole);
  await replaceSixTimes(base);
  for (const line of await benchParquet(server, dir)) print(line);
  print(await benchMemory(server, dir, [base, whole]));
} finally {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
}

async function compare(
  name: string,
  target: number,
  prepare: () => Promise<void>,
  mode: WriteMode,
  file: TripFile,
  script: string,
): Promise<void> {
  const mine: LoadJobResult[] = [];
  const psql: number[] = [];
  for (let turn = 0; turn < turns; turn++) {
    await prepare();
    mine.push(await load(file, mode));
    await prepare();
    psql.push(await runPsql(script));
  }
  const [own, other] = [median(mine.map(({ seconds }) => seconds)), median(psql)];
  const megabytes = Math.max(...mine.map(({ peakMegabytes }) => peakMegabytes));
  print(
    `${name}: ${own.toFixed(2)} s, psql ${other.toFixed(2)} s, ratio ${(other / own).toFixed(2)} (at least ${target}); ${megabytes.toFixed(0)} MB (at most 160)`,
  );
}

async function oneBadRow(clean: TripFile, bad: TripFile): Promise<void> {
  const seconds = { clean: [] as number[], bad: [] as number[] };
  for (let turn = 0; turn < turns; turn++) {
    await reset();
    seconds.clean.push((await load(clean, append)).seconds);
    await reset();
    seconds.bad.push((await load(bad, append, 1)).seconds);
  }
  const [one, none] = [median(seconds.bad), median(seconds.clean)];
  print(`one bad row: ${one.toFixed(2)} s, ${(one / none).toFixed(1)} times the clean load (at most 3)`);
}

async function rerunOfSlice(whole: TripFile): Promise<void> {
  await reset();
  await load(whole, append);
  const seconds: number[] = [];
  for (let turn = 0; turn <= turns; turn++) {
    const slice = await writeTrips(dir, "slice", 1000, { changed: (id) => id % (turn + 2) === 0 });
    const result = await load(slice, { kind: "append", slice: "s" });
    if (turn > 0) seconds.push(result.seconds);
  }
  print(`re-run of a slice of 1,000 rows in the large table: ${median(seconds).toFixed(3)} s (at most 0.1)`);
}

async function replaceSixTimes(base: TripFile): Promise<void> {
  await reset();
  const sizes: number[] = [];
  for (let run = 0; run < 6; run++) {
    await load(base, { kind: "replace" });
    const { rows } = await admin(`SELECT pg_total_relation_size('${ours}') / 1e6 AS size`);
    sizes.push(Number(rows[0]?.size));
  }
  print(`six replaces in a row: ${sizes.map((size) => size.toFixed(0)).join(", ")} MB (at most ${((sizes[0] ?? 0) * 2.5).toFixed(0)})`);
}

/** Both tables are made by a load without rows, so they are equal to the last index; then filled with the same rows by psql. */
async function reset(rows?: TripFile, key?: string): Promise<void> {
  await admin(`DROP TABLE IF EXISTS ${ours}, ${theirs}; DROP SCHEMA IF EXISTS dagline CASCADE`);
  const header = await writeTrips(dir, "header", 0);
  for (const table of [ours, theirs]) await load(header, key === undefined ? append : { kind: "upsert", key: [key] }, 0, table);
  if (rows !== undefined) for (const table of [ours, theirs]) await runPsql(copy(table, rows));
  await admin("CHECKPOINT");
}

async function load(file: TripFile, mode: WriteMode, maxBadRows = 0, table = ours): Promise<LoadJobResult> {
  const job: LoadJob = {
    settings: { host: server.socketDir, port: server.port, dbname: benchDatabase, user: benchRole, password: null },
    request: { ...aRequest, table, mode, maxBadRows, fields: tripFields, runId: `run-${runs++}` },
    files: [{ key: "rows.csv", sha256: file.sha256, rows: null, path: file.path }],
  };
  const jobFile = join(dir, "job.json");
  writeFileSync(jobFile, JSON.stringify(job));
  const { stdout } = await promisify(execFile)(process.execPath, [join(root, "tests", "load", "load-process.ts"), jobFile]);
  return JSON.parse(stdout) as LoadJobResult;
}

function copy(table: string, { path }: TripFile): string {
  return `\\copy ${table} (${columns}) FROM ${literal(path)} (FORMAT csv, HEADER true)`;
}

function mergeByPsql(file: TripFile): string {
  const set = tripColumns.slice(1).map((name) => `${name} = EXCLUDED.${name}`);
  return `BEGIN;
CREATE TEMP TABLE stage ON COMMIT DROP AS SELECT ${columns} FROM ${theirs} WITH NO DATA;
${copy("stage", file)}
INSERT INTO ${theirs} (${columns}) SELECT ${columns} FROM stage ON CONFLICT (id) DO UPDATE SET ${set.join(", ")};
COMMIT;`;
}

/** Seconds, psql's own start included, as that of a connection is in a load's. */
async function runPsql(script: string): Promise<number> {
  const args = [
    "-X",
    "-q",
    "-v",
    "ON_ERROR_STOP=1",
    "-h",
    server.socketDir,
    "-p",
    String(server.port),
    "-U",
    benchRole,
    "-d",
    benchDatabase,
  ];
  const settings = `-c dagline.load_id=${"0".repeat(32)} -c dagline.execution_date=2023-01-01T00:00:00Z`;
  const start = performance.now();
  const psql = spawn("psql", args, { stdio: ["pipe", "inherit", "inherit"], env: { ...process.env, PGOPTIONS: settings } });
  psql.stdin.end(`${script}\n`);
  const [code] = await once(psql, "close");
  if (code !== 0) throw new Error(`psql ended with exit code ${code}`);
  return (performance.now() - start) / 1000;
}

async function admin(sql: string): Promise<{ rows: { size?: string }[] }> {
  const client = await server.connect(benchDatabase);
  try {
    return await client.query(sql);
  } finally {
    await client.end();
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
