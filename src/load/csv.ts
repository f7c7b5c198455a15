import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { UserError } from "../errors.ts";
import type { LoadFile } from "./request.ts";

export interface CsvFile {
  readonly columns: readonly string[];
  /** How many lines the header takes: a quoted name may hold line ends. */
  readonly headerLines: number;
  /** What ends the header, and so every line; that of a file which is only a header does not matter. */
  readonly lineEnd: "\n" | "\r\n" | "\r";
  /** The bytes after the header, as they are. */
  readonly body: Readable;
  /** Once `body` has ended: throws UserError unless all that was read has the digest that the file was announced with. */
  verify(): void;
}

const MAX_HEADER = 1024 * 1024;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/** Opens a file and reads its header (RFC 4180, UTF-8, with or without a byte order mark). Whoever opens it reads or destroys `body`. */
export async function openCsv(file: LoadFile): Promise<CsvFile> {
  const source = await file.open();
  const chunks: AsyncIterator<Buffer> = source[Symbol.asyncIterator]();
  const hash = createHash("sha256");
  let head: Buffer = Buffer.alloc(0);
  let end: number | null = null;
  let done = false;
  while (end === null && !done) {
    const next = await chunks.next();
    done = next.done === true;
    if (next.done !== true) head = Buffer.concat([head, hashed(hash, next.value)]);
    end = headerEnd(head, done);
    if (end === null && head.length > MAX_HEADER) {
      source.destroy();
      throw new UserError(`${file.key}: no header line within the first 1 MiB`, { hint: "The first line must name the columns." });
    }
  }
  const start = head.subarray(0, 3).equals(BOM) ? 3 : 0;
  const header = head.subarray(start, end ?? head.length).toString("utf8");
  if (header.trim() === "") {
    source.destroy();
    throw new UserError(
      `${file.key}: ${head.length === start ? "the file is empty, it has not even a header" : "the first line names no columns"}`,
      {
        hint: "A file without rows still has the line that names its columns.",
      },
    );
  }
  const rest = head.subarray(end ?? head.length);
  const body = Readable.from(remaining(rest, chunks, hash), { objectMode: false, highWaterMark: 256 * 1024 });
  body.once("close", () => source.destroy());
  return {
    columns: parseHeader(header),
    headerLines: file.firstLine === undefined ? header.trimEnd().split(/\r\n|\n|\r/).length : file.firstLine - 1,
    lineEnd: header.endsWith("\r\n") ? "\r\n" : header.endsWith("\r") ? "\r" : "\n",
    body,
    verify: () => verifyDigest(file, hash.digest("hex")),
  };
}

/** Only the columns; reads no more of the file than that takes. */
export async function readColumns(file: LoadFile): Promise<readonly string[]> {
  const csv = await openCsv(file);
  csv.body.destroy();
  return csv.columns;
}

async function* remaining(rest: Buffer, chunks: AsyncIterator<Buffer>, hash: ReturnType<typeof createHash>): AsyncGenerator<Buffer> {
  if (rest.length > 0) yield rest;
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield hashed(hash, next.value);
}

function hashed(hash: ReturnType<typeof createHash>, chunk: Buffer | string): Buffer {
  const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
  hash.update(bytes);
  return bytes;
}

/** The offset after the header's line end; null while it is not there yet. */
function headerEnd(head: Buffer, isAll: boolean): number | null {
  let quoted = false;
  for (let at = 0; at < head.length; at++) {
    const byte = head[at];
    if (byte === 0x22) quoted = !quoted;
    if (quoted) continue;
    if (byte === 0x0a) return at + 1;
    if (byte !== 0x0d) continue;
    if (at + 1 < head.length) return head[at + 1] === 0x0a ? at + 2 : at + 1;
    if (isAll) return at + 1;
  }
  return null;
}

function parseHeader(header: string): string[] {
  const line = header.replace(/(\r\n|\n|\r)$/, "");
  const cells = line.match(/(?:"(?:[^"]|"")*"|[^",])+|(?<=,|^)(?=,|$)/g) ?? [];
  return cells.map((cell) => cell.replace(/"((?:[^"]|"")*)"/g, (_, inner: string) => inner.replaceAll('""', '"')));
}

function verifyDigest(file: LoadFile, digest: string): void {
  if (file.isVerified === true || digest === file.sha256) return;
  throw new UserError(`${file.key} is not the file that the task before wrote: its SHA-256 is ${digest}, not ${file.sha256}`, {
    hint: "Nothing was loaded. Clear the task that writes the file, so that both run again.",
  });
}
