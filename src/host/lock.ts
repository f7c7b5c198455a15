import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { TransientError } from "../errors.ts";

export interface LockOptions {
  readonly timeoutSeconds: number;
  /** Called once when another process holds the lock. */
  readonly waiting: () => void;
}

/**
 * Runs `work` while this process alone holds the lock that `file` stands for. The lock is SQLite's exclusive one, a lock of the
 * operating system, which drops it when its holder dies in whatever way. Throws a TransientError when the lock stays taken.
 */
export async function withLock<T>(file: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(file), { recursive: true });
  const database = new DatabaseSync(file);
  try {
    await acquire(database, file, options);
    return await work();
  } finally {
    database.close();
  }
}

async function acquire(database: DatabaseSync, file: string, { timeoutSeconds, waiting }: LockOptions): Promise<void> {
  const end = performance.now() + timeoutSeconds * 1000;
  for (let tries = 0; ; tries++) {
    try {
      database.exec("BEGIN EXCLUSIVE");
      return;
    } catch (error) {
      if (!(error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY)) throw error;
      if (tries === 0) waiting();
      if (performance.now() > end) {
        throw new TransientError(`another dagline-agent holds ${file} for more than ${timeoutSeconds} s`, {
          hint: "Wait until it ends, or look at what it does.",
          cause: error,
        });
      }
    }
    await delay(100);
  }
}

const SQLITE_BUSY = 5;
