import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";

export interface Changes {
  /** Counts a step that is no change to the disk. */
  step(): void;
  /** Does what another machine does, which no stop of ours reaches. */
  elsewhere<T>(work: () => Promise<T>): Promise<T>;
  count(): number;
}

/** What becomes of the process at a change. */
export interface Stopper {
  readonly stopsAt: (change: number) => boolean;
  /** Kills the process, or throws; `disk` is false at a step that is no change to the disk. */
  readonly stop: (disk: boolean) => never;
}

/** Ends the process with -9 at this change. */
export function killAt(change: number): Stopper {
  return {
    stopsAt: (count) => count === change,
    stop() {
      process.kill(process.pid, "SIGKILL");
      throw new Error("a process outlived its kill");
    },
  };
}

/**
 * From now on counts each change that this process makes to the disk, and stops it just before those that `stopsAt` names.
 * A write and the removal of a folder count twice: the second time the change is done by half first.
 */
export function countChanges({ stopsAt, stop }: Stopper): Changes {
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
  const step = (disk: boolean, half?: () => void): void => {
    if (stopsAt(++count)) stop(disk);
    if (half === undefined || !stopsAt(++count)) return;
    quietly(half);
    stop(disk);
  };
  const counting = <F>(change: F, half?: (...args: never[]) => (() => void) | undefined): F => {
    const call = change as (...args: unknown[]) => unknown;
    return ((...args: unknown[]) => {
      if (!uncounted) step(true, half?.(...(args as never[])));
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
    if (flags === "w" && !uncounted) step(true);
    return openSync(path, flags, mode);
  }) as typeof fs.openSync;
  fs.rmSync = counting(rmSync, (path: string) => {
    const first = statSync(path, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(path)[0] : undefined;
    return first === undefined ? undefined : () => rmSync(join(path, first), { recursive: true, force: true });
  });
  syncBuiltinESMExports();
  return {
    step: () => step(false),
    count: () => count,
    async elsewhere(work) {
      uncounted = true;
      return work().finally(() => {
        uncounted = false;
      });
    },
  };
}
