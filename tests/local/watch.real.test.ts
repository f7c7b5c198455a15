import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { watchFolder } from "../../local/watch.ts";
import { until } from "../until.ts";

const dir = mkdtempSync(join(tmpdir(), "dagline-watch-"));
test.after(() => rmSync(dir, { recursive: true }));

test("every save is noticed, also when an editor puts a new file in the old one's place, again and again", async () => {
  const folder = join(dir, "scrapes", "one");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "one.yml");
  writeFileSync(file, "0");
  const seen: string[][] = [];
  const stop = await watchFolder(join(dir, "scrapes"), async (paths) => void seen.push(paths));
  for (let save = 1; save <= 3; save++) {
    const before = seen.length;
    writeFileSync(join(dir, "new"), String(save));
    renameSync(join(dir, "new"), file);
    await until(`save ${save}`, () => seen.length > before, { timeout: 3000 });
  }
  const before = seen.length;
  writeFileSync(file, "in place");
  await until("a save in place", () => seen.length > before, { timeout: 3000 });
  assert.equal([...new Set(seen.flat())], ["one/one.yml"]);
  mkdirSync(join(dir, "scrapes", "two"));
  writeFileSync(join(dir, "scrapes", "two", "two.yml"), "new");
  await until("a new folder's file", () => seen.flat().includes("two/two.yml"), { timeout: 3000 });
  await stop();
});

test("what is saved while a change is worked on is worked on afterwards, never at the same time", async () => {
  const file = join(dir, "busy.yml");
  let running = 0;
  let calls = 0;
  const stop = await watchFolder(dir, async () => {
    running += 1;
    assert.is(running, 1);
    if (calls === 0) writeFileSync(file, "second");
    await new Promise((resolve) => setTimeout(resolve, 200));
    running -= 1;
    calls += 1;
  });
  writeFileSync(file, "first");
  await until("both to be worked on", () => calls >= 2, { timeout: 5000 });
  await stop();
});

test.run();
