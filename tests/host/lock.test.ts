import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { withLock } from "../../src/host/lock.ts";
import { rejects } from "../rejects.ts";

const dir = mkdtempSync(join(tmpdir(), "dagline-lock-"));
const file = join(dir, "lock.db");
test.after(() => rmSync(dir, { recursive: true, force: true }));

test("a lock that stays taken is an error that says to wait, and is free once its holder ends", async () => {
  let waited = 0;
  const options = { timeoutSeconds: 0.1, waiting: () => waited++ };
  await withLock(file, options, async () => {
    await rejects(
      withLock(file, options, async () => {}),
      /another dagline-agent holds/,
    );
  });
  assert.is(waited, 1);
  assert.is(await withLock(file, options, async () => "free"), "free");
});

test("a holder that is killed with -9 leaves the lock free", async () => {
  const program = `import { withLock } from ${JSON.stringify(new URL("../../src/host/lock.ts", import.meta.url).href)};
    await withLock(${JSON.stringify(file)}, { timeoutSeconds: 5, waiting() {} }, async () => { console.log("held"); await new Promise((done) => setTimeout(done, 60000)); });`;
  const holder = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => holder.once("exit", resolve));
  await new Promise((resolve) => holder.stdout.once("data", resolve));
  holder.kill("SIGKILL");
  await ended;
  assert.is(await withLock(file, { timeoutSeconds: 1, waiting() {} }, async () => "free"), "free");
});

test.run();
