import { setTimeout as pause } from "node:timers/promises";
import type { HostCommands } from "../deploy/host-commands.ts";
import { TransientError } from "../errors.ts";
import { type Log, silentLog } from "../log.ts";
import { askAgent } from "./agent.ts";
import type { HostRequest } from "./host-request.ts";

/** A start that was asked for may still be under way on the host: so many looks, and so long between two, in milliseconds. */
const LOOKS = 12;
const BETWEEN = 5_000;

export interface CancelOptions {
  readonly log?: Log;
  /** Waits between two looks, in milliseconds. */
  readonly delay?: (milliseconds: number) => Promise<unknown>;
}

/**
 * Cancels a backfill: runs that had not begun are ended, others finish. Without an id, the one that this request began is looked for, for a minute.
 * Cancelling twice does no harm. Returns whether there was one. Throws as `askAgent`; a host that does not answer is asked again first.
 */
export async function cancelBackfill(commands: HostCommands, asked: HostRequest, options: CancelOptions = {}): Promise<boolean> {
  const { log = silentLog, delay = pause } = options;
  log.info(
    asked.id === null ? `looking for the backfill of ${asked.request.dag} that was being started` : `cancelling backfill ${asked.id}`,
  );
  for (let look = 1; ; look++) {
    try {
      const { id, cancelled, running } = await askAgent(commands, "cancel", asked);
      if (id !== null) {
        log.info(`backfill ${id} is cancelled: ${cancelled} queued runs are ended, ${running} that had begun finish`);
        return true;
      }
      if (look === LOOKS) return false;
    } catch (error) {
      if (!(error instanceof TransientError) || look === LOOKS) throw error;
      log.warn(`${error.message}; asking again`);
    }
    await delay(BETWEEN);
  }
}
