import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { localDir } from "../../local/paths.ts";
import { copyPrepared } from "../../local/prepared.ts";
import { rejects } from "../rejects.ts";

const dir = mkdtempSync(join(tmpdir(), "dagline-prepared-"));
const name = basename(dir);
const kept = (): string[] => readdirSync(join(localDir, "prepared")).filter((entry) => entry.startsWith(name));

test.after(() => {
  for (const path of [dir, join(localDir, "prepared", name)]) rmSync(path, { recursive: true, force: true });
});

test("a folder whose making fails is neither kept nor copied", async () => {
  const target = join(dir, "failed");
  const failing = async (folder: string): Promise<string> => {
    writeFileSync(join(folder, "half"), "");
    throw new Error("no space");
  };
  await rejects(copyPrepared(name, target, failing), /no space/);
  assert.equal([existsSync(target), kept()], [false, []]);
});

test("a folder is made once, also when two ask for it at a time, and a change to one copy is in no other", async () => {
  const make = async (folder: string): Promise<string> => {
    writeFileSync(join(folder, "text"), "as made");
    return folder;
  };
  const [one, two, three] = ["one", "two", "three"].map((part) => join(dir, part)) as [string, string, string];
  await Promise.all([copyPrepared(name, one, make), copyPrepared(name, two, make)]);
  writeFileSync(join(one, "text"), "changed");
  await copyPrepared(name, three, () => Promise.reject(new Error("made twice")));
  assert.equal([readFileSync(join(two, "text"), "utf8"), readFileSync(join(three, "text"), "utf8")], ["as made", "as made"]);
  assert.equal(kept(), [name]);
});

test.run();
