import { isUtf8 } from "node:buffer";
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

export interface FileFault {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** Reads a regular file of at most `maxBytes`; a pipe or a device is never waited for. */
export function readBounded(path: string, maxBytes: number): { bytes: Buffer; fault: null } | { bytes: null; fault: FileFault } {
  let handle: number;
  try {
    handle = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return { bytes: null, fault: { code: "unreadable", message: `the file cannot be read (${reason})`, hint: "Look at its permissions." } };
  }
  try {
    const status = fstatSync(handle);
    if (!status.isFile()) return { bytes: null, fault: { code: "not-a-file", message: "this is not a file", hint: "Take it out." } };
    if (status.size > maxBytes) return { bytes: null, fault: tooLarge(status.size, maxBytes) };
    const bytes = Buffer.allocUnsafe(status.size);
    let length = 0;
    while (length < bytes.length) {
      const read = readSync(handle, bytes, length, bytes.length - length, length);
      if (read === 0) break;
      length += read;
    }
    return { bytes: bytes.subarray(0, length), fault: null };
  } finally {
    closeSync(handle);
  }
}

function tooLarge(size: number, maxBytes: number): FileFault {
  const kilobytes = (bytes: number): string => `${Math.ceil(bytes / 1024)} KiB`;
  return {
    code: "file-too-large",
    message: `the file has ${kilobytes(size)}; at most ${kilobytes(maxBytes)} are read`,
    hint: "Make it smaller.",
  };
}

/** The text of UTF-8 bytes without a byte order mark, or the place of the first byte that is not UTF-8. */
export function decodeText(bytes: Buffer): { text: string } | { text: null; place: { line: number; column: number } } {
  const text = new TextDecoder().decode(bytes);
  if (isUtf8(bytes)) return { text };
  const before = text.slice(0, text.indexOf("\uFFFD")).split("\n");
  return { text: null, place: { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 } };
}
