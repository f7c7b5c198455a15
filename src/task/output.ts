import { writeSync } from "node:fs";
import { Writable } from "node:stream";

/**
 * Makes stdout and stderr write at once, each write before the next statement. Node writes to a pipe when it comes round to it, and
 * process.exit() throws away what waits ("A note on process I/O" in Node's documentation of `process`): the end of a task's log, its error
 * included. Call it before anything prints. A reader that is slow stops the task until it has read.
 */
export function writeOutputAtOnce(): void {
  for (const [name, fd] of [
    ["stdout", 1],
    ["stderr", 2],
  ] as const) {
    Object.defineProperty(process, name, { value: new DirectOutput(fd), configurable: true, enumerable: true });
  }
}

class DirectOutput extends Writable {
  readonly fd: number;

  constructor(fd: number) {
    super();
    this.fd = fd;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    try {
      writeWhole(this.fd, chunk);
      done();
    } catch (error) {
      // Whoever read it is gone: nobody is left to be told anything, and the end of stdin ends the task.
      done(isCode(error, "EPIPE") ? undefined : (error as Error));
    }
  }
}

function writeWhole(fd: number, chunk: Buffer): void {
  for (let at = 0; at < chunk.length; ) {
    try {
      at += writeSync(fd, chunk, at);
    } catch (error) {
      // The pipe is full, and a process that shares it (a Node that a function started) has made it non-blocking for all.
      if (!isCode(error, "EAGAIN")) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
