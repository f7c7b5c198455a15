import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { root } from "../../local/paths.ts";
import { makeScrapes } from "../scrape/make-scrapes.ts";

const folder = mkdtempSync(join(tmpdir(), "dagline-thousand-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

test("a thousand scrapes render in 10 s, and in 3 s more than their check takes once one has changed", async () => {
  const [first] = makeScrapes(folder, 1000);
  const cold = await seconds("render", "--out", "out", "--format", "json");
  writeFileSync(
    join(folder, "scrapes", first ?? "", "helpers.ts"),
    "export function label(name: string): string {\n  return 'changed '.concat(name);\n}\n",
  );
  const changed = await seconds("render", "--out", "out", "--format", "json");
  const check = await seconds("validate", "--format", "json");
  process.stderr.write(`cold ${cold.toFixed(2)} s, one changed ${changed.toFixed(2)} s, check alone ${check.toFixed(2)} s\n`);
  assert.ok(cold < 10, `cold: ${cold} s`);
  assert.ok(changed - check < 3, `one changed: ${changed} s, of which the check takes ${check} s`);
});

/** How long the whole command takes, from the start of its process to its end. */
async function seconds(...args: string[]): Promise<number> {
  const start = performance.now();
  await promisify(execFile)(process.execPath, [join(root, "src", "cli", "main.ts"), ...args], { cwd: folder, maxBuffer: 64e6 });
  return (performance.now() - start) / 1000;
}

test.run();
