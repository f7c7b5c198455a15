import { isUtf8 } from "node:buffer";
import { UserError } from "../errors.ts";
import type { FieldType } from "../scrape/model.ts";
import { type CellCheck, cellCheckOf } from "./cells.ts";
import { type Fault, faultOf } from "./record-faults.ts";

/** How a file's rows are written. */
export interface RecordForm {
  /** The file's name for people. */
  readonly key: string;
  /** Of the columns, in the file's order. */
  readonly types: readonly FieldType[];
  /** What ends the header, and so every line. */
  readonly lineEnd: "\n" | "\r\n" | "\r";
  /** The line of the first row. */
  readonly line: number;
  /** It was made from another format, each row from one line; `unreadableRow` says what a line becomes that is no row. */
  readonly isMade: boolean;
}

/** A stretch of the file. Its bytes hold until the scanner is asked again. */
export type Piece =
  /** Rows that PostgreSQL may get as they are, with their line ends. */
  | { readonly kind: "rows"; readonly bytes: Buffer; readonly records: number; readonly line: number }
  /** One row, without its line end, that PostgreSQL may not get as it is. */
  | { readonly kind: "doubtful"; readonly bytes: Buffer; readonly line: number; readonly fault: Fault | null };

export interface ScanOptions {
  /** Every row is doubtful. */
  readonly doubtEvery?: boolean;
  /** How many bytes of one row are held; without it, all. A longer one passes on in parts, and may turn out too late to be doubtful. */
  readonly long?: { readonly longest: number; readonly onDoubt: (line: number) => Error };
}

/** PostgreSQL takes no longer line ("string buffer exceeds maximum allowed length (1073741823 bytes)"). */
const MOST_OF_A_RECORD = 1024 ** 3 - 1024 ** 2;
const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const DOT = 0x2e;
const LF = 0x0a;
const CR = 0x0d;

/**
 * Reads a file's bytes once, split as PostgreSQL splits them (CopyReadLineText in src/backend/commands/copyfromparse.c: every quote opens
 * or closes, so that a doubled one changes nothing). Doubtful is a row with too many or too few values, with a value that has not the form
 * of its type, with bytes that are no text, with another line end than the rows before, and `\.`, which ends a COPY before PostgreSQL 18.
 */
export class RecordScanner {
  readonly #form: RecordForm;
  readonly #checks: readonly (CellCheck | null)[];
  readonly #end: number;
  readonly #options: ScanOptions;
  #hold = Buffer.allocUnsafe(128 * 1024);
  #held = 0;
  /** Where the bytes that are not given out yet begin: with the record that is not whole. */
  #start = 0;
  #at = 0;
  // Of that record:
  #line: number;
  #cell = 0;
  #column = 0;
  #quotes = 0;
  #quoted = false;
  #doubt: boolean;
  #breaks = 0;
  #passedOn = 0;
  /** The offset after a carriage return outside quotes; FOREIGN once it was no part of a line end. */
  #afterCr = NO_CR;
  // Of the bytes:
  #checkedTo = 0;
  #hasBadBytes = false;
  /** How many bytes end the rows that pass on. */
  #lineEnding = 0;
  #pieces: Piece[] = [];
  #run: { start: number; records: number; line: number } = { start: 0, records: 0, line: 0 };

  constructor(form: RecordForm, options: ScanOptions = {}) {
    this.#form = form;
    this.#checks = form.types.map(cellCheckOf);
    this.#end = form.lineEnd === "\r" ? CR : LF;
    this.#line = form.line;
    this.#options = options;
    this.#doubt = options.doubtEvery === true;
  }

  push(chunk: Buffer): Piece[] {
    this.#append(chunk);
    return this.#scan(false);
  }

  /** The rest, once all was pushed. Throws UserError when a quote was never closed. */
  end(): Piece[] {
    this.#append(Buffer.alloc(0));
    return this.#scan(true);
  }

  #append(chunk: Buffer): void {
    const from = this.#start;
    const room = this.#held - from + chunk.length;
    const into = room > this.#hold.length ? Buffer.allocUnsafe(room * 2) : this.#hold;
    this.#hold.copy(into, 0, from, this.#held);
    chunk.copy(into, this.#held - from);
    this.#hold = into;
    this.#held = room;
    this.#start = 0;
    this.#at -= from;
    this.#cell = Math.max(0, this.#cell - from);
    if (this.#afterCr > 0) this.#afterCr -= from;
    this.#checkedTo = Math.max(0, this.#checkedTo - from);
    if (this.#checkedTo === 0) this.#hasBadBytes = false;
  }

  #scan(isAll: boolean): Piece[] {
    this.#pieces = [];
    this.#run = { start: 0, records: 0, line: this.#line };
    this.#noteBadBytes(isAll);
    const bytes = this.#hold;
    const held = this.#held;
    const end = this.#end;
    let quoted = this.#quoted;
    for (let at = this.#at; at < held; at++) {
      const byte = bytes[at] as number;
      if (byte > COMMA) continue;
      if (byte === QUOTE) {
        quoted = !quoted;
        this.#quotes++;
      } else if (quoted) {
        if (!this.#form.isMade && (byte === CR || (byte === LF && bytes[at - 1] !== CR))) this.#breaks++;
      } else if (byte === COMMA) {
        if (!this.#doubt && !this.#fits(at)) this.#doubt = true;
        this.#cell = at + 1;
        this.#column++;
        this.#quotes = 0;
      } else if (byte === end) {
        this.#finish(this.#afterCr === at ? at - 1 : at, at + 1);
      } else if (byte === CR || byte === LF) {
        this.#afterCr = byte === CR && this.#afterCr === NO_CR ? at + 1 : FOREIGN;
      }
    }
    this.#quoted = quoted;
    this.#at = held;
    const open = this.#passedOn + held - this.#start;
    if (isAll && quoted) throw this.#endless("unterminated CSV quoted field");
    if (open > MOST_OF_A_RECORD) throw this.#endless("no end of the row within 1 GiB, which is the most that PostgreSQL takes");
    if (isAll && open > 0) this.#finish(held, held);
    else if (open > (this.#options.long?.longest ?? Number.POSITIVE_INFINITY)) this.#passOn();
    this.#closeRun(this.#start);
    return this.#pieces;
  }

  /** Looks at all bytes at once, up to the last place where no character can be cut in two. */
  #noteBadBytes(isAll: boolean): void {
    const upTo = isAll ? this.#held : this.#hold.subarray(0, this.#held).lastIndexOf(this.#end) + 1;
    if (upTo <= this.#checkedTo) return;
    if (hasBadBytes(this.#hold.subarray(this.#checkedTo, upTo))) this.#hasBadBytes = true;
    this.#checkedTo = upTo;
  }

  /** Whether the value that ends at `to` has the form of its type. */
  #fits(to: number): boolean {
    const check = this.#checks[this.#column] ?? null;
    if (check === null) return true;
    const from = this.#cell;
    if (this.#quotes === 0) return from === to || check(this.#hold, from, to);
    const isPlain = this.#quotes === 2 && this.#hold[from] === QUOTE && this.#hold[to - 1] === QUOTE;
    return isPlain && check(this.#hold, from + 1, to - 1);
  }

  /** The record ends at `stop`, and its line end at `next`. */
  #finish(stop: number, next: number): void {
    const start = this.#start;
    const ending = next - stop;
    const isForeign = this.#afterCr !== NO_CR && ending !== 2;
    const isBad = this.#hasBadBytes && hasBadBytes(this.#hold.subarray(start, stop));
    const isOther = this.#lineEnding !== 0 && ending !== 0 && ending !== this.#lineEnding;
    const isMarker = stop - start === 2 && this.#hold[start] === BACKSLASH && this.#hold[start + 1] === DOT && this.#passedOn === 0;
    const isMisshapen = this.#column + 1 !== this.#checks.length;
    if (this.#doubt || !this.#fits(stop) || isForeign || isBad || isOther || isMarker || isMisshapen) {
      this.#refuseWhatPassedOn(this.#passedOn > 0);
      this.#closeRun(start);
      const record = this.#hold.subarray(start, stop);
      const { isMade } = this.#form;
      const fault = faultOf(record, { values: this.#column + 1, expected: this.#checks.length, isForeign, isBad, isMade });
      this.#pieces.push({ kind: "doubtful", bytes: record, line: fault?.line ?? this.#line, fault });
      this.#run = { start: next, records: 0, line: this.#line + 1 + this.#breaks };
    } else {
      this.#run.records++;
      if (ending !== 0) this.#lineEnding = ending;
    }
    this.#line += 1 + this.#breaks;
    this.#start = next;
    this.#cell = next;
    this.#column = 0;
    this.#quotes = 0;
    this.#breaks = 0;
    this.#passedOn = 0;
    this.#afterCr = NO_CR;
    this.#doubt = this.#options.doubtEvery === true;
  }

  /** Gives out what there is of a long record, but its last byte, which may be half a line end. */
  #passOn(): void {
    const isText = (this.#checks[this.#column] ?? null) === null;
    this.#refuseWhatPassedOn(this.#doubt || !isText || this.#afterCr !== NO_CR);
    this.#passedOn += this.#held - 1 - this.#start;
    this.#start = this.#held - 1;
  }

  #refuseWhatPassedOn(isDoubtful: boolean): void {
    if (isDoubtful && this.#options.long !== undefined) throw this.#options.long.onDoubt(this.#line);
  }

  #closeRun(to: number): void {
    const { start, records, line } = this.#run;
    if (to > start) this.#pieces.push({ kind: "rows", bytes: this.#hold.subarray(start, to), records, line });
  }

  #endless(what: string): UserError {
    return new UserError(`${this.#form.key}:${this.#line}: not readable as CSV: ${what}`, {
      hint: "Nothing was loaded. A quote is opened in this line or below and never closed: write the file with a CSV writer, quotes doubled.",
    });
  }
}

const NO_CR = -1;
const FOREIGN = -2;

function hasBadBytes(bytes: Buffer): boolean {
  return !isUtf8(bytes) || bytes.includes(0);
}
