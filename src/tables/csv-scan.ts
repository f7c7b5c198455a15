import type { RecordScan, TakeRecord } from "./record-scan.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const LF = 0x0a;
const CR = 0x0d;

const isSpecial = Uint8Array.from({ length: 256 }, (_, byte) => (byte === QUOTE || byte === LF || byte === CR ? 1 : 0));

/** Where the reading stands: outside quotes, within, or after a quote within, which closes unless another follows. */
type State = "plain" | "quoted" | "quote";

/**
 * Splits CSV as PostgreSQL does (src/backend/commands/copyfromparse.c): every quote opens or closes, in the midst of a value as well, and
 * the first line end of the rows is that of all. The header is the first record. Records come in one form, whatever quotes the file
 * uses: a record without quotes as it is; otherwise without the quotes around values, a comma within a value as `",`, a quote as `""`,
 * and a value of empty text as `"e`. A long record is never held as a whole.
 */
export function scanCsv(take: TakeRecord): RecordScan {
  let state: State = "plain";
  /** Of the record: whether it has begun, has a quote; of its last value: whether it was quoted, how many bytes it has. */
  let begun = false;
  let rewritten = false;
  let wasQuoted = false;
  let length = 0;
  let afterCr = false;
  let records = 0;
  const lineEnds = new Set<string>();
  let headerEnd: string | null = null;
  let out = Buffer.alloc(0);
  let used = 0;

  const finish = (rest: Buffer): void => {
    if (rewritten) closeValue();
    take(rewritten ? out.subarray(0, used) : rest, true);
    begun = rewritten = wasQuoted = false;
    length = used = 0;
    records++;
  };
  const closeValue = (): void => {
    if (wasQuoted && length === 0) used = out.write('"e', used, "latin1") + used;
    wasQuoted = false;
    length = 0;
  };
  const noteLineEnd = (kind: string): void => {
    // A header that ends in CRLF above rows that end in LF, or the other way round, is read all the same.
    if (records > 1 || kind === "\r") lineEnds.add(kind);
    else headerEnd = kind;
  };
  /** The record's bytes in this chunk, up to its first quote. */
  const beginRewriting = (before: Buffer): void => {
    const comma = before.lastIndexOf(COMMA);
    length = comma === -1 ? length + before.length : before.length - comma - 1;
    used = before.copy(out, 0);
    rewritten = true;
  };

  return {
    push(chunk) {
      if (chunk.length === 0) return;
      if (out.length < 2 * chunk.length + 4) out = Buffer.allocUnsafe(2 * chunk.length + 4);
      let at = 0;
      if (afterCr) {
        if (chunk[0] === LF) at = 1;
        noteLineEnd(at === 1 ? "\r\n" : "\r");
        afterCr = false;
      }
      let start = at;
      while (at < chunk.length) {
        const byte = chunk[at] as number;
        if (state === "quote") {
          if (byte === QUOTE) {
            out[used++] = QUOTE;
            out[used++] = QUOTE;
            length++;
            state = "quoted";
            at++;
          } else state = "plain";
        } else if (state === "quoted") {
          if (byte === QUOTE) state = "quote";
          else {
            if (byte === COMMA) out[used++] = QUOTE;
            out[used++] = byte;
            length++;
          }
          at++;
        } else if (byte === QUOTE) {
          if (!rewritten) beginRewriting(chunk.subarray(start, at));
          wasQuoted = true;
          state = "quoted";
          at++;
        } else if (byte === LF || byte === CR) {
          finish(chunk.subarray(start, at));
          at++;
          if (byte === LF) noteLineEnd("\n");
          else if (at === chunk.length) afterCr = true;
          else if (chunk[at] === LF) {
            noteLineEnd("\r\n");
            at++;
          } else noteLineEnd("\r");
          start = at;
        } else if (rewritten) {
          if (byte === COMMA) closeValue();
          else length++;
          out[used++] = byte;
          at++;
        } else {
          at++;
          // Nearly all of most files.
          while (at < chunk.length && !isSpecial[chunk[at] as number]) at++;
        }
      }
      if (rewritten) take(out.subarray(0, used), false);
      else if (start < chunk.length) {
        const rest = chunk.subarray(start);
        const comma = rest.lastIndexOf(COMMA);
        length = comma === -1 ? length + rest.length : rest.length - comma - 1;
        take(rest, false);
      }
      begun ||= rewritten || start < chunk.length;
      used = 0;
    },
    end() {
      if (state === "quoted") return "a quote is opened and never closed";
      if (afterCr) noteLineEnd("\r");
      if (begun) finish(Buffer.alloc(0));
      if (records === 0) return "the file is empty, it has not even a header";
      return lineEnds.size > 1 || (headerEnd !== null && lineEnds.has("\r")) ? "its rows end in line ends of several kinds" : null;
    },
  };
}
