import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { startAws } from "../../local/aws.ts";
import { startService, stopRecorded, waitUntilReady } from "../../local/process.ts";
import { startStack } from "../../local/stack.ts";
import { createSteps } from "../../local/steps.ts";
import { UserError } from "../../src/errors.ts";
import { rejects } from "../rejects.ts";

const dir = mkdtempSync(join(tmpdir(), "dagline-services-"));

test.after(async () => {
  await stopRecorded(dir);
  rmSync(dir, { recursive: true, force: true });
});

test("a port that is taken is replaced by a free one", async () => {
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port } = listener.address() as AddressInfo;
  const aws = await startAws({ dir, port });
  try {
    assert.is.not(new URL(aws.endpoint).port, String(port));
    await aws.createBuckets("works");
  } finally {
    await aws.stop();
    listener.close();
  }
});

test("a program that ends while it starts is an error with the end of its log, and what was started beside it is stopped", async () => {
  const beside = startService({ name: "beside", command: "sleep", args: ["300"], dir });
  const failing = startService({ name: "failing", command: "sh", args: ["-c", "echo no such table >&2; exit 3"], dir });
  const error = await rejects(
    waitUntilReady(failing, async () => false, 10),
    /^failing ended while it was starting:\nno such table$/,
  );
  assert.instance(error, UserError);
  assert.equal(await stopRecorded(dir), ["beside"]);
  assert.is((await beside.exited).signal, "SIGTERM");
});

test("a stack with a part that fails stops the parts that it began, and leaves no address", async () => {
  const stack = mkdtempSync(join(dir, "stack-"));
  writeFileSync(join(stack, "postgres"), "no folder");
  await rejects(startStack({ dir: stack, source: { kind: "files", dir }, steps: createSteps() }));
  const started = readdirSync(join(stack, "logs"));
  assert.ok(started.includes("moto.log"), started.join());
  assert.not.ok(existsSync(join(stack, "processes.jsonl")));
  assert.not.ok(existsSync(join(stack, "stack.json")));
  // The folder is in each part's environment, not in all arguments.
  const running = execFileSync("ps", ["eww", "-eo", "args"], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes(stack));
  assert.equal(running, []);
});

test.run();
