import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { root } from "../../local/paths.ts";
import { until } from "../until.ts";
import { aRequest, csvFile, TestDatabase } from "./fixture.ts";
import type { LoadJob, LoadJobResult } from "./load-process.ts";

const program = join(root, "tests", "load", "load-process.ts");
const dir = mkdtempSync(join(tmpdir(), "dagline-test-"));
const rowCount = 1_000_000;
let database: TestDatabase;
let child: ChildProcess | undefined;
let jobFile: string;

test.before(async () => {
  database = await TestDatabase.start();
  const path = join(dir, "rows.csv");
  await pipeline(Readable.from(rows()), createWriteStream(path));
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  const { socketDir, port } = database.postgres;
  const job: LoadJob = {
    settings: { host: socketDir, port, dbname: "data_pipeline_db", user: "dagline_loader", password: null },
    request: aRequest,
    files: [{ key: "rows.csv", sha256: hash.digest("hex"), rows: null, path }],
  };
  jobFile = join(dir, "job.json");
  writeFileSync(jobFile, JSON.stringify(job));
});
test.after(async () => {
  child?.kill("SIGKILL");
  await database?.stop();
  rmSync(dir, { recursive: true, force: true });
});

test("a load that is killed with -9 in the middle of its rows leaves what was there before", async () => {
  await database.load({ files: [csvFile("id,name\n1,before\n")] });
  const started = spawn(process.execPath, [program, jobFile], { stdio: "ignore" });
  child = started;
  await until("the COPY", async () => (await database.rows("SELECT FROM pg_stat_progress_copy WHERE tuples_processed > 1000")).length > 0, {
    interval: 5,
  });
  started.kill("SIGKILL");
  await until(
    "the session's end",
    async () => (await database.rows("SELECT FROM pg_stat_activity WHERE application_name = 'dagline'")).length === 0,
  );
  assert.equal(await database.rows("SELECT id, name FROM trips"), [[1, "before"]]);
  assert.equal(await database.rows("SELECT rows_written FROM dagline.ledger"), [["1"]]);
});

test("a million rows stay under 300 MB of resident memory, also when a bad one makes it look at each", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [program, jobFile]);
  const result = JSON.parse(stdout) as LoadJobResult;
  assert.is(result.rows, rowCount);
  assert.ok(result.peakMegabytes < 300, `${result.peakMegabytes} MB`);

  const { request, files: _, ...job } = JSON.parse(readFileSync(jobFile, "utf8")) as LoadJob;
  const path = join(dir, "bad.csv");
  await pipeline(Readable.from(withBadRow()), createWriteStream(path));
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  const bad = { key: "bad.csv", sha256: hash.digest("hex"), rows: null, path };
  writeFileSync(jobFile, JSON.stringify({ ...job, request: { ...request, runId: "2", maxBadRows: 1 }, files: [bad] }));
  const sorted = await promisify(execFile)(process.execPath, [program, jobFile]);
  const slow = JSON.parse(sorted.stdout) as LoadJobResult;
  assert.is(slow.rows, rowCount);
  assert.ok(slow.peakMegabytes < 300, `${slow.peakMegabytes} MB`);
  process.stderr.write(
    `peak ${result.peakMegabytes.toFixed(0)} MB, with a bad row ${slow.peakMegabytes.toFixed(0)} MB in ${slow.seconds.toFixed(1)} s\n`,
  );
});

function* withBadRow(): Generator<string> {
  yield* rows();
  yield "1,2,3\n";
}

function* rows(): Generator<string> {
  yield "id,name\n";
  for (let start = 0; start < rowCount; start += 10_000) {
    yield Array.from({ length: 10_000 }, (_, index) => `${start + index},a name of some length ${start + index}\n`).join("");
  }
}

test.run();
