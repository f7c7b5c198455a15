import { join } from "node:path";
import { TransientError } from "../errors.ts";
import type { Log } from "../log.ts";
import { withLock } from "./lock.ts";

/** One reload at a time: waits for another one, for ten minutes at most. */
export function whileReloading<T>(home: string, log: Log, work: () => Promise<T>): Promise<T> {
  const waiting = (): void => log.info("another reload is under way: waiting for it");
  return withLock(lockFile(home), { timeoutSeconds: 600, waiting }, work);
}

/** Whether an agent reloads at this moment. */
export async function isReloading(home: string): Promise<boolean> {
  try {
    await withLock(lockFile(home), { timeoutSeconds: 0, waiting: () => {} }, async () => {});
    return false;
  } catch (error) {
    if (error instanceof TransientError) return true;
    throw error;
  }
}

function lockFile(home: string): string {
  return join(home, "lock.db");
}
