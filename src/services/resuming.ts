import type { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { TransientError } from "../errors.ts";
import { networkTrouble } from "../network-errors.ts";

export interface ResumeOptions {
  /** In bytes. */
  readonly size: number;
  /** Opens the rest of the very same bytes, from an offset on. */
  readonly open: (from: number) => Promise<Readable>;
  /** The wait before a second resume in a row that brought no byte; each next one is twice as long. */
  readonly delayMs: number;
}

/** Breaks in a row that brought no byte. */
const MAX_BREAKS = 5;

/**
 * The bytes of a download, from its first stream on to its end. A connection that breaks is opened again where it broke: whoever reads may
 * wait for minutes (a COPY for another session's lock), and then the client's socket times out, or the server hangs up.
 * Throws what is no break, and the last of too many. The bytes are not verified: that is for whoever knows their digest.
 */
export async function* readResuming(first: Readable, { size, open, delayMs }: ResumeOptions): AsyncGenerator<Buffer> {
  let at = 0;
  let breaks = 0;
  for (let body: Readable | undefined = first; ; ) {
    try {
      body ??= await open(at);
      for await (const chunk of body as AsyncIterable<Buffer>) {
        at += chunk.length;
        breaks = 0;
        yield chunk;
      }
      if (at >= size) return;
      throw new TransientError(`the answer ended after ${at} of ${size} bytes`);
    } catch (error) {
      if (!isBreak(error)) throw error;
      if (at >= size) return; // all is there, only the end was not heard of
      if (breaks === MAX_BREAKS) throw error;
      if (breaks > 0) await pause(delayMs * 2 ** (breaks - 1));
      breaks += 1;
      body = undefined;
    }
  }
}

function isBreak(error: unknown): boolean {
  return (
    error instanceof TransientError ||
    networkTrouble(error)?.kind === "passing" ||
    (error instanceof Error && error.name === "TimeoutError")
  );
}
