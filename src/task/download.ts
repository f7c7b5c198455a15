import { createWriteStream } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { explainDiskError } from "../disk-errors.ts";
import { TransientError, UserError } from "../errors.ts";
import { networkTrouble } from "../network-errors.ts";
import type { ExtractContext } from "./api.ts";
import { Skip } from "./skip.ts";

export interface DownloadOptions {
  /** Answers that mean that the file is not there yet: the task is skipped. */
  readonly notPublished?: readonly number[];
  /** More request headers. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** How much arrives between two lines of progress in the log. */
const PROGRESS_BYTES = 100 * 1024 * 1024;

/**
 * Streams `url` to the file `output`, whatever its size, in little memory. 403 and 404 skip the task unless `notPublished` says
 * otherwise. Throws TransientError where trying again helps (the network, 429, 5xx, a file that arrives cut), UserError for any other
 * answer; then there is no output.
 */
export async function download(
  { url, output, log, signal, fetch }: Pick<ExtractContext<unknown>, "url" | "output" | "log" | "signal" | "fetch">,
  { notPublished = [403, 404], headers = {} }: DownloadOptions = {},
): Promise<void> {
  const response = await request(fetch, url, headers, signal);
  if (notPublished.includes(response.status)) {
    await response.body?.cancel();
    throw new Skip(`not published yet: ${url} answers ${response.status}`);
  }
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    throw refused(url, response.status);
  }
  // A compressed answer's length is not the length of what fetch hands out.
  const encoded = (response.headers.get("content-encoding") ?? "identity") !== "identity";
  const expected = encoded ? null : response.headers.get("content-length");
  try {
    await pipeline(
      Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]),
      progress(log, expected),
      createWriteStream(output),
      { signal },
    );
  } catch (error) {
    await rm(output, { force: true });
    if (signal.aborted || explainDiskError(error, "") !== undefined) throw error;
    throw new TransientError(`the download of ${url} broke off: ${reason(error)}`, { hint: "Trying again helps.", cause: error });
  }
  const { size } = await stat(output);
  if (expected !== null && Number(expected) !== size) {
    await rm(output, { force: true });
    throw new TransientError(`${url} arrived cut: ${size} of ${expected} bytes`, { hint: "Trying again helps." });
  }
  log.info(`downloaded ${url}: ${size} bytes`);
}

async function request(
  fetch: typeof globalThis.fetch,
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Response> {
  try {
    return await fetch(url, { headers, signal });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new TransientError(`could not reach ${url}: ${reason(error)}`, {
      hint: "Is the address right, and the network there?",
      cause: error,
    });
  }
}

function refused(url: string, status: number): Error {
  const message = `${url} answers ${status}`;
  if (status === 429 || status >= 500) return new TransientError(message, { hint: "The server is busy or broken; trying again helps." });
  return new UserError(message, { hint: "Is the url in the DAG file right?" });
}

function progress(log: ExtractContext["log"], expected: string | null): Transform {
  let received = 0;
  let next = PROGRESS_BYTES;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      received += chunk.length;
      if (received >= next) {
        next += PROGRESS_BYTES;
        log.info(`${Math.round(received / 1e6)} MB${expected === null ? "" : ` of ${Math.round(Number(expected) / 1e6)} MB`}`);
      }
      done(null, chunk);
    },
  });
}

function reason(error: unknown): string {
  return networkTrouble(error)?.reason ?? (error instanceof Error ? error.message : String(error));
}
