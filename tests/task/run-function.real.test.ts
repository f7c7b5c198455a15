import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type LocalAws, startAws } from "../../local/aws.ts";
import { sha256 } from "../../src/ids.ts";
import { S3ObjectStore } from "../../src/services/s3.ts";
import type { StagedReference } from "../../src/task/staged-file.ts";
import { isRunning } from "../is-running.ts";
import { until } from "../until.ts";
import { type Ending, functionSpec, makeReleaseFolder, type RunningTask, startTask } from "./runner.ts";

const dir = mkdtempSync(join(tmpdir(), "dagline-task-test-"));
const credentialsFile = join(dir, "credentials");
/** More than the task may have of memory, so that a file that is held would be seen. */
const BIG_MEBIBYTES = 512;
let aws: LocalAws;
let staging: S3ObjectStore;
let origin: Server;
let originUrl: string;

test.before(async () => {
  aws = await startAws({ dir });
  await aws.createBuckets("staging");
  staging = new S3ObjectStore({ bucket: "staging", region: aws.region, endpoint: aws.endpoint, credentials: aws.credentials });
  writeFileSync(
    credentialsFile,
    `[default]\naws_access_key_id=${aws.credentials.accessKeyId}\naws_secret_access_key=${aws.credentials.secretAccessKey}\n`,
  );
  origin = createServer((request, response) => {
    if (request.url === "/big") {
      // Made as it is sent.
      const chunk = Buffer.alloc(1 << 20, "0123456789abcde\n");
      let left = BIG_MEBIBYTES;
      const send = (): void => {
        while (left > 0) {
          left -= 1;
          if (!response.write(chunk)) return void response.once("drain", send);
        }
        response.end();
      };
      response.writeHead(200, { "content-length": BIG_MEBIBYTES << 20 });
      return send();
    }
    if (request.url === "/cut") {
      response.writeHead(200, { "content-length": 100 });
      response.write("half");
      return void setImmediate(() => response.destroy());
    }
    const status = Number(/\/(\d{3})$/.exec(request.url ?? "")?.[1] ?? 200);
    response.writeHead(status).end(`path\n${request.url}\n`);
  });
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
  originUrl = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
});
test.after(async () => {
  origin.closeAllConnections();
  origin.close();
  await aws.stop();
  rmSync(dir, { recursive: true });
});

const writeRows = (rows: string): string => `import { writeFileSync } from "node:fs";
export async function extract({ output }) { writeFileSync(output, ${JSON.stringify(rows)}); }`;
const downloads = `import { download } from ${JSON.stringify(join(import.meta.dirname, "../../src/task/api.ts"))};
export const extract = (context) => download(context);`;

function start(functions: string, more: { url?: string; spec?: object; document?: object } = {}, wrap?: string[]): RunningTask {
  const folder = makeReleaseFolder(dir, { extract_x: functionSpec(more.spec) }, functions, { url: more.url ?? null });
  return startTask(dir, aws, credentialsFile, { release_dir: folder, task: "extract_x", ...more.document }, wrap);
}

const run = (...args: Parameters<typeof start>): Promise<Ending> => start(...args).ended;

test("an extract's output is staged under a name that tells DAG, task and time, and its reference tells digest and rows", async () => {
  const { code, result } = await run(writeRows("a,b\n1,2\n3,4\n"));
  assert.is(code, 0);
  const output = outputOf({ result });
  assert.match(output.key, /^staging\/demo\/extract_x\/[0-9a-f]{16}\/demo_extract_x_20230129T090000Z_[0-9a-f]{16}\.csv$/);
  assert.is(output.rows, 2);
  assert.is((await staging.get(output.key))?.body.toString(), "a,b\n1,2\n3,4\n");
});

test("a transform gets every input by the id of its task, the first one as `input`, and its config", async () => {
  const upstream = [await stage("extract_b", "b\n2\n"), await stage("extract_a", "{}", "json")];
  const functions = `import { readFileSync, writeFileSync } from "node:fs";
export async function transform({ input, inputs, output, config }) {
  const files = Object.entries(inputs).map(([task, path]) => [task, path.split(".").pop(), readFileSync(path, "utf8")]);
  writeFileSync(output, JSON.stringify({ files, isFirst: input === inputs.extract_b, config }));
}`;
  const spec = { kind: "transform", callable: "transform", extension: "json", dependencies: ["extract_b", "extract_a"] };
  const ending = await run(functions, { spec, document: { upstream } });
  assert.is(ending.code, 0, ending.log);
  assert.equal(JSON.parse(String((await staging.get(outputOf(ending).key))?.body)), {
    files: [
      ["extract_b", "csv", "b\n2\n"],
      ["extract_a", "json", "{}"],
    ],
    isFirst: true,
    config: { greeting: "hello" },
  });
});

test("an input that was altered or is gone fails the task with its key and the task to clear, and the function is not called", async () => {
  const good = await stage("extract_a", "a\n1\n");
  const altered = { ...(await stage("extract_b", "a\n1\n")), sha256: sha256("another") };
  const gone = { ...altered, key: altered.key.replace(".csv", ".parquet") };
  for (const [reference, what] of [
    [altered, "is not the one that extract_b wrote"],
    [gone, "is gone"],
  ] as const) {
    const { code, result, log } = await run("export async function extract() { console.log('called'); }", {
      document: { upstream: [good, reference] },
    });
    assert.is(code, 1);
    assert.is(result?.message, `the staged file ${reference.key} ${what}`);
    assert.match(String(result?.hint), "Clear the task extract_b");
    assert.not.match(log, "called");
  }
});

test("where an origin has a stand-in, its URLs are fetched from there, and no other's", async () => {
  const twice = `import { writeFileSync } from "node:fs";
export async function extract({ url, output, fetch }) {
  const other = new Request("https://data.example.com/b?c=d%20e", { method: "POST", body: "x" });
  writeFileSync(output, await (await fetch(url)).text() + await (await fetch(other)).text());
}`;
  const origins = { "https://data.example.com": originUrl, "https://example.com": "http://127.0.0.1:9" };
  const ending = await run(twice, { url: "https://data.example.com/{year}/a", document: { origins } });
  assert.is(ending.code, 0, ending.log);
  assert.is((await staging.get(outputOf(ending).key))?.body.toString(), "path\n/2023/a\npath\n/b?c=d%20e\n");
  const elsewhere = await run(downloads, { url: "https://example.com/a", document: { origins } });
  assert.is(elsewhere.code, 3);
});

test("a retry with the same content has the same key and writes nothing, with another content another key; another run never has the same", async () => {
  const stagedBy = async (rows: string, document: object): Promise<string> => outputOf(await run(writeRows(rows), { document })).key;
  const first = await stagedBy("a\n1\n", {});
  const written = (await staging.head(first))?.etag;
  assert.is(await stagedBy("a\n1\n", { try_number: 2 }), first);
  assert.is((await staging.head(first))?.etag, written);
  assert.is.not(await stagedBy("a\n2\n", { try_number: 3 }), first);
  assert.is((await staging.get(first))?.body.toString(), "a\n1\n", "what the first try's reference names stays as it was");
  assert.is.not(await stagedBy("a\n1\n", { run_id: "manual__2" }), first);
  assert.is.not(await stagedBy("a\n1\n", { map_index: 3 }), first);
});

test("the url arrives filled with the start of the data interval and the params, each value encoded", async () => {
  const { result } = await run(downloads, {
    url: `${originUrl}/{kind}/{year}-{month}-{day}`,
    spec: { params: { kind: "a/b?c" } },
  });
  assert.is((await staging.get(outputOf({ result }).key))?.body.toString(), "path\n/a%2Fb%3Fc/2023-01-29\n");
});

test("an origin that says 403 or 404 has not published yet: skipped", async () => {
  for (const status of [403, 404]) {
    const { code, result } = await run(downloads, { url: `${originUrl}/${status}` });
    assert.is(code, 99);
    assert.match(String(result?.reason), /not published yet/);
  }
});

test("a server that is broken, away, or sends half a file can be tried again; a refusal can't", async () => {
  for (const url of [`${originUrl}/503`, "http://127.0.0.1:9/x", `${originUrl}/cut`]) {
    const { code, result } = await run(downloads, { url });
    assert.is(code, 3, `${url}: ${JSON.stringify(result)}`);
    assert.is(result?.kind, "transient");
  }
  const { code, result } = await run(downloads, { url: `${originUrl}/400` });
  assert.is(code, 1);
  assert.match(String(result?.message), /answers 400/);
});

test("the same rows in another order have the same digest; a row that stands once less is a change", async () => {
  const spec = { compare_with: ["load_a"] };
  const digest = async (text: string) => outputOf(await run(writeRows(text), { spec })).rows_digest;
  const first = await digest('id,text\n1,"x\ny"\n2,\n2,\n');
  assert.is(await digest('id,text\n2,\n1,"x\ny"\n2,\n'), first);
  assert.is.not(await digest('id,text\n1,"x\ny"\n2,\n'), first);
});

test("a function that fails, in whatever way, fails its task with a plain reason and leaves nothing behind", async () => {
  const cases: [string, number, RegExp][] = [
    ["export async function extract() {}", 1, /without writing its output/],
    ["export async function extract() { throw new Error('broken'); }", 70, /^broken$/],
    ["export async function extract() { throw 'text'; }", 70, /no Error was thrown: text/],
    ["export async function extract() { await new Promise(() => {}); }", 70, /never finished/],
    ["export async function extract() { process.exit(0); }", 70, /ended the process itself, with exit code 0; throw/],
    [
      "export async function extract() { Promise.reject(new Error('floating')); await new Promise((r) => setTimeout(r, 5000)); }",
      70,
      /^floating$/,
    ],
    [
      "export const extract = 1;",
      1,
      /^extract_x of demo: scrapes\/demo \(functions\/demo.mjs\) exports a value of type number as `extract`, where a function is expected$/,
    ],
    ["export const extract = null;", 1, /exports null as `extract`/],
    ["export const other = 1;", 1, /does not export `extract`/],
  ];
  for (const [functions, code, message] of cases) {
    const ending = await run(functions);
    assert.match(String(ending.result?.message), message, functions);
    assert.is(ending.code, code, functions);
  }
  assert.equal(
    readdirSync(dir).filter((name) => name.startsWith("dagline-task-")),
    [],
  );
});

test("whatever a function printed is in the log, and the error is its last lines", async () => {
  const prints = (then: string): string =>
    `export async function extract() { for (let n = 0; n < 3000; n++) console.log("line".padEnd(90), n); console.error("to stderr"); ${then} }`;
  for (const [then, last] of [
    ["throw new Error('the end');", /Error: the end\n(ERROR {5}at .*\n)+$/],
    ["process.exit(5);", /Error: the function ended the process itself, with exit code 5; throw an error instead\n(ERROR {5}at .*\n)+$/],
    ["setTimeout(() => { throw new Error('uncaught'); }); await new Promise(() => {});", /Error: uncaught\n(ERROR {5}at .*\n)+$/],
    [
      "const held = 'x'.repeat(10_000_000); console.log(held); throw new Error('after 10 MB');",
      /xxx\nERROR Error: after 10 MB\n(ERROR {5}at .*\n)+$/,
    ],
  ] as const) {
    const { log } = await run(prints(then));
    assert.is(log.match(/^line +\d+$/gm)?.length, 3000, then);
    assert.is(log.includes("x".repeat(10_000_000)), then.includes("10_000_000"));
    assert.match(log, /^to stderr$/m);
    // Here it is a pipe of its own, whose place among the lines is by chance.
    assert.ok(last.test(log.replace("to stderr\n", "").slice(-5000)), `${then}: ${log.slice(-500)}`);
  }
});

test("what a function's worker printed is in the log as well", async () => {
  const functions = `import { Worker } from "node:worker_threads";
    export async function extract() {
      const worker = new Worker("for (let n = 0; n < 3000; n++) console.log('of worker'.padEnd(90))", { eval: true });
      await new Promise((resolve) => worker.on("exit", resolve)); throw new Error("the end");
    }`;
  const { log } = await run(functions);
  assert.is(log.match(/^of worker/gm)?.length, 3000);
  assert.match(log, /Error: the end\n(ERROR {5}at .*\n)+$/);
});

test("a document that can't be read leaves its reason as the result", async () => {
  const { code, result } = await run(writeRows("a\n1\n"), { document: { run_id: 5 } });
  assert.is(code, 1);
  assert.equal([result?.state, result?.kind, result?.message], ["failed", "user", "the task document is wrong at run_id"]);
});

test("an input that the document does not name fails the task with the task to clear", async () => {
  const spec = { kind: "transform", callable: "extract", dependencies: ["extract_a", "extract_b"] };
  const { code, result } = await run(writeRows("a\n1\n"), { spec, document: { upstream: [await stage("extract_a", "a\n1\n")] } });
  assert.is(code, 1);
  assert.match(String(result?.message), /^extract_b left no reference to a staged file, so extract_x has nothing to read$/);
  assert.match(String(result?.hint), "Clear extract_b");
});

test("a task that is told to stop ends soon, with its temporary files gone and nothing staged", async () => {
  const task = start(
    "export async function extract({ signal }) { console.log('ready'); await new Promise((_, no) => signal.addEventListener('abort', () => no(signal.reason))).finally(() => 0); }"
      .replace("await", "const t = setInterval(() => {}, 1000); await")
      .replace(".finally(() => 0)", ".finally(() => clearInterval(t))"),
  );
  await until("the function to run", () => task.log().includes("ready"));
  task.child.kill("SIGTERM");
  const { code, result } = await task.ended;
  assert.ok(code !== 0);
  assert.match(String(result?.message), /stopped \(SIGTERM\)/);
});

test("a function that ignores that it is told to stop is ended as stopped", async () => {
  const task = start("export async function extract() { console.log('ready'); await new Promise(() => setInterval(() => {}, 1000)); }");
  await until("the function to run", () => task.log().includes("ready"));
  task.child.kill("SIGTERM");
  const { code, result } = await task.ended;
  assert.equal([code, result?.kind, result?.message], [3, "transient", "the task was stopped (SIGTERM)"]);
});

test("when Airflow's process is gone, the task and what it started go, too", async () => {
  const task = start(
    "import { spawn } from 'node:child_process'; export async function extract() { const c = spawn('sleep', ['300']); console.log('child', c.pid); await new Promise(() => setInterval(() => {}, 1000)); }",
  );
  await until("the child", () => /child \d+/.test(task.log()));
  const child = Number(/child (\d+)/.exec(task.log())?.[1]);
  task.child.stdin?.destroy();
  await task.ended;
  await until("the child's end", () => !isRunning(child));
});

test("a disk that is full is one plain line, can be tried again, and leaves nothing staged", async () => {
  const ending = await run(downloads, { url: `${originUrl}/big`, document: { run_id: "full" } }, ["prlimit", "--fsize=10485760"]);
  assert.is(ending.code, 3, ending.log);
  assert.match(String(ending.result?.message), /larger than the host allows/);
});

test("a disk that is really full, too, whoever writes to it; and nothing is left on it", async () => {
  if (process.getuid?.() !== 0) return void process.stderr.write("not root, so no small disk can be mounted: skipped\n");
  const disk = mkdtempSync(join(dir, "disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]);
  try {
    const upstream = [await stage("extract_0", "a,b\n".repeat(1 << 19))];
    const cases: [string, string, object][] = [
      ["its own download", downloads, {}],
      [
        "the function",
        'import { writeFileSync } from "node:fs"; export async function extract({ output }) { writeFileSync(output, Buffer.alloc(2 << 20)); }',
        {},
      ],
      ["the fetch of an input", writeRows("a\n1\n"), { upstream }],
    ];
    const before = await stagedKeys();
    for (const [who, functions, document] of cases) {
      const { code, result, log } = await start(functions, { url: `${originUrl}/big`, document }, ["env", `TMPDIR=${disk}`]).ended;
      assert.is(code, 3, `${who}: ${log}`);
      assert.is(result?.kind, "transient", who);
      assert.match(String(result?.message), /^the disk is full: [^\n]+$/, who);
      assert.match(String(result?.hint), /Make room in .*TMPDIR/, who);
      assert.equal(await stagedKeys(), before, who);
      assert.equal(readdirSync(disk), [], who);
    }
  } finally {
    execFileSync("umount", ["--lazy", disk]);
  }
});

test("an extract of half a gigabyte stays under 300 MB of resident memory", async () => {
  const ending = await run(downloads, { url: `${originUrl}/big`, spec: { extension: "bin" } });
  assert.is(ending.code, 0, ending.log);
  assert.is(outputOf(ending).size, BIG_MEBIBYTES << 20);
  assert.ok(ending.peakMegabytes > 20 && ending.peakMegabytes < 300, `${ending.peakMegabytes} MB`);
  process.stderr.write(`peak ${ending.peakMegabytes.toFixed(0)} MB\n`);
});

function outputOf({ result }: Pick<Ending, "result">): StagedReference {
  assert.ok(result?.output, JSON.stringify(result));
  return result.output as StagedReference;
}

/** A file as a task above leaves it. */
async function stage(task: string, text: string, extension = "csv"): Promise<StagedReference> {
  const key = `staging/demo/${task}/0123456789abcdef/demo_${task}_20230129T090000Z.${extension}`;
  await staging.put(key, Buffer.from(text));
  return { task, key, sha256: sha256(text), size: text.length, rows: null, rows_digest: null };
}

async function stagedKeys(): Promise<string[]> {
  return (await Array.fromAsync(staging.list("staging/"))).map(({ key }) => key).sort();
}

test.run();
