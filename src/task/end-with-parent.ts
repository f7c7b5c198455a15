import { Worker } from "node:worker_threads";

/** Runs in a thread of its own. In an orphan, `getppid` changes: to that of init or of whoever adopts it. */
const watch = `
const { rmSync } = require("node:fs");
const { dir, parent } = require("node:worker_threads").workerData;
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
  // Noted here and not in the thread: the parent may be dead before that has begun.
  const workerData = { dir, parent: process.ppid };
  new Worker(watch, { eval: true, workerData, resourceLimits: limits, stdin: false }).unref();
}
