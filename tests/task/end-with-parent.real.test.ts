import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { root } from "../../local/paths.ts";
import { isRunning } from "../is-running.ts";
import { until } from "../until.ts";

const dir = mkdtempSync(join(tmpdir(), "dagline-orphan-"));
test.after(() => rmSync(dir, { recursive: true, force: true }));

test("a process whose parent is killed before the watch for that has begun ends, too, and removes its folder", async () => {
  const folder = join(dir, "task");
  mkdirSync(folder);
  // Says its number as soon as the watch is asked for, long before its thread runs, and is busy from then on.
  const busy = join(dir, "busy.mjs");
  writeFileSync(
    busy,
    `import { writeSync } from "node:fs";
import { endWithParent } from ${JSON.stringify(join(root, "src", "task", "end-with-parent.ts"))};
endWithParent(${JSON.stringify(folder)});
writeSync(1, String(process.pid));
for (;;);
`,
  );
  const parent = `
    const { spawn } = require("node:child_process");
    spawn(process.execPath, [${JSON.stringify(busy)}], { detached: true, stdio: "inherit" });`;
  const child = spawn(process.execPath, ["--eval", parent], { stdio: ["ignore", "pipe", "inherit"] });
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  child.kill("SIGKILL");
  const pid = Number(said.toString());
  try {
    await until("the orphan to end", () => !isRunning(pid), { timeout: 20_000 });
    assert.not(existsSync(folder));
  } finally {
    if (isRunning(pid)) process.kill(pid, "SIGKILL");
  }
});

test.run();
