import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";

export interface Changes {
  /** Counts a step that is no change to the disk. */
  step(): void;
  /** Does what another machine does, which no kill of ours reaches. */
  elsewhere<T>(work: () => Promise<T>): Promise<T>;
  count(): number;
}

/**
 * From now on counts each change that this process makes to the disk and, at number `killAt`, ends it with -9 just before the change.
 * A write and the removal of a folder count twice: the second time the change is done by half first.
 */
export function countChanges(killAt: number): Changes {
  let count = 0;
  // Node's own functions call each other by the names that are replaced here.
  let uncounted = false;
  const quietly = <T>(work: () => T): T => {
    const before = uncounted;
    uncounted = true;
    try {
      return work();
    } finally {
      uncounted = before;
    }
  };
  const step = (half?: () => void): void => {
    if (++count === killAt) process.kill(process.pid, "SIGKILL");
    if (half === undefined || ++count !== killAt) return;
    quietly(half);
    process.kill(process.pid, "SIGKILL");
  };
  const counting = <F>(change: F, half?: (...args: never[]) => (() => void) | undefined): F => {
    const call = change as (...args: unknown[]) => unknown;
    return ((...args: unknown[]) => {
      if (!uncounted) step(half?.(...(args as never[])));
      return quietly(() => call(...args));
    }) as F;
  };
  const { writeFileSync, writeSync, rmSync, openSync, readdirSync, statSync } = fs;
  for (const name of ["mkdirSync", "mkdtempSync", "renameSync", "chmodSync", "utimesSync"] as const) {
    Object.assign(fs, { [name]: counting(fs[name]) });
  }
  fs.writeFileSync = counting(
    writeFileSync,
    (file: string, data: string | Uint8Array) => () => writeFileSync(file, data.slice(0, data.length / 2)),
  );
  fs.writeSync = counting(writeSync, (descriptor: number, data: string) => () => writeSync(descriptor, data.slice(0, data.length / 2)));
  fs.openSync = ((path, flags, mode) => {
    if (flags === "w" && !uncounted) step();
    return openSync(path, flags, mode);
  }) as typeof fs.openSync;
  fs.rmSync = counting(rmSync, (path: string) => {
    const first = statSync(path, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(path)[0] : undefined;
    return first === undefined ? undefined : () => rmSync(join(path, first), { recursive: true, force: true });
  });
  syncBuiltinESMExports();
  return {
    step: () => step(),
    count: () => count,
    async elsewhere(work) {
      uncounted = true;
      return work().finally(() => {
        uncounted = false;
      });
    },
  };
}
