import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { KEEPER, keeperOf, recordProcess, startService, stopRecorded } from "../../local/process.ts";
import { asOnlyOne, isUp } from "../../local/stacks.ts";
import { UserError } from "../../src/errors.ts";
import { rejects } from "../rejects.ts";

const root = mkdtempSync(join(tmpdir(), "dagline-only-one-"));
test.after(async () => rmSync(root, { recursive: true, force: true }));

/** A stack's folder, as if this process kept it up. */
function stackOf(name: string): string {
  const dir = join(root, name);
  mkdirSync(dir);
  recordProcess(dir, KEEPER, process.pid);
  writeFileSync(join(dir, "stack.json"), "{}");
  return dir;
}

test("a second start is refused with the process that keeps the first one up, and with how to stop it; the first goes on", async () => {
  const dir = stackOf("same");
  const first = asOnlyOne(dir, false, async () => {
    const error = await rejects(
      asOnlyOne(dir, false, async () => assert.unreachable()),
      /^the stack of this checkout is up/,
    );
    assert.instance(error, UserError);
    assert.match(error.message, `process ${process.pid}`);
    assert.match((error as UserError).hint ?? "", /npm run dagline -- down/);
    return "done";
  });
  assert.is(await first, "done");
  assert.is(await asOnlyOne(dir, false, async () => "again"), "again");
});

test("a stack whose keeper was killed is not up, and may be started again", async () => {
  const dir = stackOf("killed");
  assert.ok(isUp(dir));
  rmSync(join(dir, "processes.jsonl"));
  const keeper = startService({ name: "sleeper", command: "sleep", args: ["300"], dir });
  recordProcess(dir, KEEPER, keeper.pid);
  assert.is(keeperOf(dir)?.pid, keeper.pid);
  process.kill(keeper.pid, "SIGKILL");
  await keeper.exited;
  assert.not.ok(isUp(dir));
  assert.is(await asOnlyOne(dir, false, async () => "started"), "started");
  await stopRecorded(dir);
});

test("a stack that is on its way down is not used any more", () => {
  const dir = stackOf("stopping");
  rmSync(join(dir, "stack.json"));
  assert.not.ok(isUp(dir));
});

test.run();
