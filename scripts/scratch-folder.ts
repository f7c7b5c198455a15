import { chmodSync, mkdtempSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MEMORY = "/dev/shm";
/** A gigabyte passes through the tests of large files, and several stacks are up at a time. */
const NEEDED_BYTES = 6e9;

/**
 * Makes the folder for the tests' temporary files, which goes with this process. It is in memory where this machine has room: PostgreSQL's data is
 * 1,500 files, and a file costs a tenth there of what it costs on a disk.
 */
export function makeScratchFolder(): string {
  const folder = mkdtempSync(join(process.env.TMPDIR === undefined && hasRoomInMemory() ? MEMORY : tmpdir(), "dagline-tests-"));
  // Others may pass through, not look: run by root, PostgreSQL is another user.
  chmodSync(folder, 0o711);
  process.once("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1));
  return folder;
}

/** Programs are run from there, which a container may forbid. */
function hasRoomInMemory(): boolean {
  try {
    const { bavail, bsize } = statfsSync(MEMORY);
    const mount = readFileSync("/proc/mounts", "utf8")
      .split("\n")
      .map((line) => line.split(" "))
      .findLast(([, place]) => place === MEMORY);
    const free = Number(/^MemAvailable:\s+(\d+) kB/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1] ?? 0) * 1024;
    return mount?.[2] === "tmpfs" && !mount[3]?.split(",").includes("noexec") && Math.min(bavail * bsize, free) > NEEDED_BYTES;
  } catch {
    return false; // not a Linux
  }
}
