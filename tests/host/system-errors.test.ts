import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { TransientError, UserError } from "../../src/errors.ts";
import { withLock } from "../../src/host/lock.ts";
import { explainHostError, isHostFault } from "../../src/host/system-errors.ts";

const dir = mkdtempSync(join(tmpdir(), "dagline-system-"));
test.after(() => rmSync(dir, { recursive: true, force: true }));

test("a full disk is told as one, and trying again helps once there is room", async () => {
  for (const full of [await thrown(() => writeFileSync("/dev/full", "x")), await thrown(fillDatabase)]) {
    const error = explainHostError(full, "/opt/dagline");
    assert.instance(error, TransientError);
    assert.match((error as TransientError).message, "the disk is full");
    assert.match((error as TransientError).hint ?? "", "Make room on the disk of /opt/dagline");
    assert.ok(isHostFault(full));
  }
});

test("what stands in a path's place is told, with the path", async () => {
  for (const work of [() => readFileSync(dir), () => mkdirSync("/dev/null/x"), () => writeFileSync(dir, "")]) {
    const error = explainHostError(await thrown(work), dir);
    assert.instance(error, UserError);
    assert.match((error as UserError).hint ?? "", "stands in that path's place");
  }
});

test("a lock's file that is damaged or a folder is told with what to do", async () => {
  const damaged = join(dir, "damaged.db");
  writeFileSync(damaged, "no database ".repeat(100));
  const folder = join(dir, "folder.db");
  mkdirSync(folder);
  const lock = (file: string) => thrown(() => withLock(file, { timeoutSeconds: 0, waiting: () => {} }, async () => {}));
  assert.match((explainHostError(await lock(damaged), dir) as UserError).hint ?? "", "Remove the lock's file");
  assert.match((explainHostError(await lock(folder), dir) as UserError).hint ?? "", "look at the owner and the mode");
});

test("an error that says what to do already, and a bug, stay what they are", () => {
  for (const error of [new UserError("x"), new TransientError("x"), new TypeError("x"), "x"]) {
    assert.is(explainHostError(error, dir), error);
    assert.not(isHostFault(error));
  }
});

async function thrown(work: () => unknown): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

function fillDatabase(): void {
  const database = new DatabaseSync(join(dir, "small.db"));
  try {
    database.exec("PRAGMA max_page_count = 2; CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(100000))");
  } finally {
    database.close();
  }
}

test.run();
