import { isUtf8 } from "node:buffer";

/** What is wrong with a row, whatever PostgreSQL would say. */
export interface Fault {
  /** Counted from 0; null when it is the row as a whole. */
  readonly column: number | null;
  /** Readable: bytes that are no text are escaped. */
  readonly value: string;
  readonly reason: string;
  /** Where it is not the row's place in the CSV that tells. */
  readonly line?: number;
}

interface Shape {
  readonly values: number;
  readonly expected: number;
  /** It holds a line end of another kind outside quotes. */
  readonly isForeign: boolean;
  /** It holds bytes that are no text. */
  readonly isBad: boolean;
  readonly isMade: boolean;
}

/** null when only PostgreSQL can tell. */
export function faultOf(record: Buffer, { values, expected, isForeign, isBad, isMade }: Shape): Fault | null {
  const row = (reason: string): Fault => ({ column: null, value: readable(record.subarray(0, MOST_SHOWN)), reason });
  if (isMade && values !== expected) return unreadable(record);
  if (isForeign) return row("a line end of another kind than the header's, outside quotes");
  if (values !== expected) {
    const columns = `${expected} ${expected === 1 ? "column is" : "columns are"} expected`;
    return row(record.length === 0 ? `an empty line, ${columns}` : `${values} ${values === 1 ? "value" : "values"}, ${columns}`);
  }
  if (!isBad) return null;
  const cells = splitRecord(record);
  const column = cells.findIndex((cell) => cell !== null && badByte(cell) !== null);
  const cell = cells[column] ?? record;
  return { column, value: readable(cell.subarray(0, MOST_SHOWN)), reason: badByte(cell) ?? "bytes that are no text" };
}

/** As `unreadableRow` (src/tables/ndjson-csv.ts) wrote it. */
function unreadable(record: Buffer): Fault {
  const [line, reason, value] = splitRecord(record).map((cell) => readable(cell ?? Buffer.alloc(0)));
  return { column: null, value: value ?? "", reason: reason ?? "", line: Number(line) };
}

/** The quarantine keeps 1,000 characters, each of at most four bytes. */
const MOST_SHOWN = 4000;
const QUOTE = 0x22;
const COMMA = 0x2c;

/**
 * A row's values as PostgreSQL reads them (CopyReadAttributesCSV): null is an empty value without quotes; within quotes, two are one.
 */
export function splitRecord(record: Buffer): (Buffer | null)[] {
  const cells: (Buffer | null)[] = [];
  let at = 0;
  for (;;) {
    const next = endOfCell(record, at);
    const raw = record.subarray(at, next);
    cells.push(raw.includes(QUOTE) ? unquoted(raw) : raw.length === 0 ? null : raw);
    if (next === record.length) return cells;
    at = next + 1;
  }
}

function endOfCell(record: Buffer, from: number): number {
  let quoted = false;
  let at = from;
  for (; at < record.length; at++) {
    if (record[at] === QUOTE) quoted = !quoted;
    else if (record[at] === COMMA && !quoted) break;
  }
  return at;
}

function unquoted(raw: Buffer): Buffer {
  const out = Buffer.allocUnsafe(raw.length);
  let used = 0;
  let quoted = false;
  for (let at = 0; at < raw.length; at++) {
    if (raw[at] !== QUOTE) {
      out[used++] = raw[at] as number;
    } else if (quoted && raw[at + 1] === QUOTE) {
      out[used++] = QUOTE;
      at++;
    } else {
      quoted = !quoted;
    }
  }
  return out.subarray(0, used);
}

/** What the first byte is that is no text; null when all are. */
function badByte(cell: Buffer): string | null {
  const at = firstBadByte(cell);
  if (at === null) return null;
  return cell[at] === 0
    ? "a NUL byte (0x00), which no text may hold"
    : `not UTF-8: byte ${at + 1} of the value is ${hex("0x", cell[at] ?? 0)}`;
}

function firstBadByte(bytes: Buffer): number | null {
  for (let at = 0; at < bytes.length; ) {
    const length = characterAt(bytes, at);
    if (length === 0 || bytes[at] === 0) return at;
    at += length;
  }
  return null;
}

/** The length in bytes of the character at `at`; 0 when there is none. */
function characterAt(bytes: Buffer, at: number): number {
  const lead = bytes[at] ?? 0;
  const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  return at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length)) ? length : 0;
}

/** As text, with `\x00` for a byte that is none. */
function readable(bytes: Buffer): string {
  if (isUtf8(bytes) && !bytes.includes(0)) return bytes.toString("utf8");
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const length = characterAt(bytes, at);
    const isText = length > 0 && bytes[at] !== 0;
    text += isText ? bytes.toString("utf8", at, at + length) : hex("\\x", bytes[at] ?? 0);
    at += isText ? length : 1;
  }
  return text;
}

function hex(prefix: string, byte: number): string {
  return `${prefix}${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}
