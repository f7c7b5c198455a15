import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { pythonBin, root } from "../../local/paths.ts";

interface Outcome {
  readonly code: number;
  readonly seconds: number;
  readonly count: number;
  readonly characters: number;
  readonly last: readonly string[];
  readonly out_of_heap: boolean;
  readonly was_stopped: boolean;
  readonly largest: number;
}

interface Case {
  /** A module of Node's, whose output is written at once as the runner's is. */
  readonly module: string;
  /** How long the operator's log takes for a line. */
  readonly seconds_each?: number;
  readonly stop_after?: number;
}

/** All at the same time. */
function run(cases: readonly Case[]): Promise<Outcome[]> {
  const atOnce = `import { writeOutputAtOnce } from ${JSON.stringify(join(root, "src", "task", "output.ts"))}; writeOutputAtOnce();`;
  const env = { PATH: process.env.PATH, PYTHONPATH: join(root, "airflow") };
  return Promise.all(
    cases.map(async ({ module, ...more }) => {
      const command = [process.execPath, "--max-old-space-size=40", "--input-type=module", "-e", `${atOnce}\n${module}`];
      const host = [join(import.meta.dirname, "task-process.py"), JSON.stringify({ command, ...more })];
      const { stdout } = await promisify(execFile)(join(pythonBin, "python"), host, { env });
      return JSON.parse(stdout) as Outcome;
    }),
  );
}

async function only(given: Case): Promise<Outcome> {
  const [outcome] = await run([given]);
  assert.ok(outcome);
  return outcome;
}

const manyLines = (count: number): string => `for (let line = 0; line < ${count}; line++) console.log(String(line).padStart(90));`;

test("every line arrives, however the process ends, and its last words are the last lines", async () => {
  const endings: [string, number, string[]][] = [
    ["", 0, []],
    ["process.exit(3);", 3, []],
    ["console.error('LAST'); process.exit(1);", 1, ["LAST"]],
    ["console.log('ERROR LAST'); process.exit(1);", 1, ["E LAST"]],
    [
      "process.on('uncaughtException', (error) => { console.error(error.message); process.exit(70); }); throw new Error('LAST');",
      70,
      ["LAST"],
    ],
    ["process.kill(process.pid, 'SIGKILL');", -9, []],
  ];
  const outcomes = await run(endings.map(([end]) => ({ module: manyLines(5000) + end })));
  for (const [index, [end, code, last]] of endings.entries()) {
    const outcome = outcomes[index];
    assert.is(outcome?.code, code, end);
    assert.is(outcome?.count, 5000 + last.length, end);
    if (last.length > 0) assert.equal(outcome?.last.slice(-last.length), last);
  }
});

test("a line of 10 MB arrives whole, in pieces, and so does text that is not UTF-8 or has wide characters where a piece ends", async () => {
  const [long, wide, bytes] = await run([
    { module: "process.stdout.write('x'.repeat(10_000_000)); process.stdout.write('y\\n'); console.log('LAST'); process.exit();" },
    { module: "process.stdout.write('€'.repeat(100_001) + '\\n'); process.exit();" },
    { module: "process.stdout.write(Buffer.from([0x61, 0xff, 0x0a]));" },
  ]);
  assert.is(long?.characters, 10_000_001 + 4);
  assert.is(long?.last.at(-1), "LAST");
  assert.is(wide?.characters, 100_001);
  assert.equal(bytes?.last, ["a\ufffd"]);
});

test("a log that is slow loses nothing", async () => {
  const outcome = await only({ module: `${manyLines(1000)} console.log("LAST"); process.exit();`, seconds_each: 0.002 });
  assert.is(outcome.count, 1001);
  assert.ok(outcome.seconds > 2);
});

test("what a process prints that shares the task's output, and made it non-blocking, does not cost the task a line", async () => {
  const sharing = `import { spawn } from "node:child_process";
    const other = spawn(process.execPath, ["-e", "console.log('other'); process.stdin.resume()"], { stdio: ["pipe", "inherit", "inherit"] });
    await new Promise((resolve) => setTimeout(resolve, 300));
    ${manyLines(5000)} other.kill(); console.log("LAST"); process.exit();`;
  const outcome = await only({ module: sharing });
  assert.is(outcome.count, 5002);
  assert.equal(outcome.last.at(-1), "LAST");
});

test("a process that was left behind, in the group or out of it, silent or not, holds the task up for 2 s at most", async () => {
  const leave = (options: string, script: string): string => `import { spawn } from "node:child_process";
    spawn("sh", ["-c", ${JSON.stringify(script)}], { stdio: "inherit", ${options} }).unref(); console.log("LAST"); process.exit();`;
  for (const outcome of await run([
    { module: leave("", "sleep 20") },
    { module: leave("detached: true", "sleep 20") },
    { module: leave("detached: true", "for i in $(seq 200); do echo noise; sleep 0.1; done") },
  ])) {
    assert.is(outcome.code, 0);
    assert.ok(outcome.seconds < 4, `${outcome.seconds} s`);
  }
});

test("a task that is stopped has its time to end also while it prints without pause, and its last words are kept", async () => {
  const chatty = `process.on("SIGTERM", () => { console.log("LAST"); process.exit(3); });
    const print = () => { for (let line = 0; line < 50; line++) console.log("x".repeat(1000)); setImmediate(print); }; print();`;
  const [polite, deaf] = await run([
    { module: chatty, stop_after: 1, seconds_each: 0.001 },
    { module: "process.on('SIGTERM', () => {}); for (;;) console.log('x'.repeat(1000));", stop_after: 1 },
  ]);
  assert.equal([polite?.code, polite?.was_stopped, polite?.last.at(-1)], [3, true, "LAST"]);
  assert.is(deaf?.code, -9);
  assert.ok((deaf?.seconds ?? 9) < 6.5, `${deaf?.seconds} s`);
});

test("a process that ran out of JavaScript memory is known from what V8 says, one that was killed from its size", async () => {
  const [heap, killed] = await run([
    { module: "const rows = []; for (;;) rows.push({ row: rows.length, text: 'x' + rows.length });" },
    { module: "const held = Buffer.alloc(200_000_000, 'x'); process.kill(process.pid, 'SIGKILL');" },
  ]);
  assert.equal([heap?.code, heap?.out_of_heap], [-6, true]);
  assert.equal([killed?.code, killed?.out_of_heap, killed?.was_stopped], [-9, false, false]);
  assert.ok((killed?.largest ?? 0) > 200, `${killed?.largest} MB`);
});

test.run();
