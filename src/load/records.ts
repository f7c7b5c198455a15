import { Readable } from "node:stream";
import { UserError } from "../errors.ts";
import type { CsvFile } from "./csv.ts";

/** What `tellRecords` writes before a file's own columns. */
export const recordColumns = [
  { name: "line", type: "bigint" },
  { name: "misshapen", type: "text" },
  { name: "raw", type: "text" },
] as const;

/** A quote that is never closed makes one record of the rest of the file: it must not fill the memory. */
const LONGEST_RECORD = 32 * 1024 * 1024;

/**
 * A file's rows as CSV for a COPY that no number of values can stop: each with its line in the file, and, of a row with too many or too
 * few values, what is wrong and its raw text in place of its values. What PostgreSQL reads in a value stays byte for byte.
 * The stream fails with a UserError at a record that has no end.
 */
export function tellRecords(csv: CsvFile, key: string): Readable {
  return Readable.from(rewritten(csv, key), { objectMode: false, highWaterMark: 256 * 1024 });
}

/** One character is one byte here, so that no character is cut in two where a chunk ends. */
const BYTES = "latin1";

async function* rewritten(csv: CsvFile, key: string): AsyncGenerator<Buffer> {
  const scan: Scan = { text: "", at: 0, quoted: false, commas: 0, line: csv.headerLines + 1 };
  for await (const chunk of csv.body as AsyncIterable<Buffer>) {
    scan.text += chunk.toString(BYTES);
    const out = wholeRecords(scan, csv);
    if (out !== "") yield Buffer.from(out, BYTES);
    if (scan.text.length > LONGEST_RECORD) throw endless(key, scan.line, "no end of the row within 32 MiB");
  }
  if (scan.quoted) throw endless(key, scan.line, "unterminated CSV quoted field");
  if (scan.text !== "") yield Buffer.from(record(scan.text, scan, csv.columns.length), BYTES);
}

/** Where the reading stands: `text` starts with the record that is not whole yet, which has been looked at up to `at`. */
interface Scan {
  text: string;
  at: number;
  quoted: boolean;
  commas: number;
  /** The line in which that record starts. */
  line: number;
}

/** As PostgreSQL splits: every quote opens or closes, so that a doubled one changes nothing. */
function wholeRecords(scan: Scan, { columns, lineEnd }: CsvFile): string {
  const { text } = scan;
  const end = lineEnd === "\r" ? 0x0d : 0x0a;
  let out = "";
  let start = 0;
  let { at, quoted, commas } = scan;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) quoted = !quoted;
    else if (quoted) continue;
    else if (code === 0x2c) commas++;
    else if (code === end) {
      const stop = end === 0x0a && at > start && text.charCodeAt(at - 1) === 0x0d ? at - 1 : at;
      scan.commas = commas;
      out += record(text.slice(start, stop), scan, columns.length);
      start = at + 1;
      commas = 0;
    }
  }
  scan.text = text.slice(start);
  scan.at = scan.text.length;
  scan.quoted = quoted;
  scan.commas = commas;
  return out;
}

function record(raw: string, scan: Scan, expected: number): string {
  const { line } = scan;
  if (raw.includes('"')) scan.line += raw.match(/\r\n|\n|\r/g)?.length ?? 0;
  scan.line += 1;
  const reason = whatIsWrong(raw, scan.commas + 1, expected);
  if (reason === null) return `${line},,,${raw}\n`;
  return `${line},"${reason}","${raw.replaceAll('"', '""')}",${",".repeat(expected - 1)}\n`;
}

function whatIsWrong(raw: string, values: number, expected: number): string | null {
  if (/[\r\n]/.test(raw) && /[\r\n]/.test(raw.replaceAll(/"[^"]*"/g, "")))
    return "a line end of another kind than the header's, outside quotes";
  if (values === expected) return null;
  const columns = `${expected} ${expected === 1 ? "column is" : "columns are"} expected`;
  return raw === "" ? `an empty line, ${columns}` : `${values} ${values === 1 ? "value" : "values"}, ${columns}`;
}

function endless(key: string, line: number, what: string): UserError {
  return new UserError(`${key}:${line}: not readable as CSV: ${what}`, {
    hint: "Nothing was loaded. A quote is opened in this line or below and never closed: write the file with a CSV writer, quotes doubled.",
  });
}
