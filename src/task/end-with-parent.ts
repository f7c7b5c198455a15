import { Worker } from "node:worker_threads";

/** Runs in a thread of its own. In an orphan, `getppid` changes: to that of init or of whoever adopts it. */
const watch = `
const { rmSync } = require("node:fs");
const { workerData: dir } = require("node:worker_threads");
const parent = process.ppid;
setInterval(() => {
  if (process.ppid === parent) return;
  try { rmSync(dir, { recursive: true, force: true }); } finally { process.kill(-process.pid, "SIGKILL"); }
}, 4000);
`;

/**
 * Kills this process's group within seconds after its parent's death, and removes the folder `dir`, even while the function keeps the
 * main thread busy, which then sees neither the end of stdin nor a signal. The process must lead its group.
 */
export function endWithParent(dir: string): void {
  const limits = { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 2 };
  new Worker(watch, { eval: true, workerData: dir, resourceLimits: limits, stdin: false }).unref();
}
