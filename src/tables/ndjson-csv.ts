import { UserError } from "../errors.ts";
import { nearest } from "../scrape/did-you-mean.ts";
import { csvLine, quotedCell } from "./csv-line.ts";
import { type KnownKeys, readObject } from "./json-object.ts";
import { scanLines } from "./line-scan.ts";
import { afterByteOrderMark } from "./record-scan.ts";

/**
 * The rows of newline-delimited JSON as CSV with a header, in little memory. Every value keeps its text: numbers their digits, a nested value
 * its JSON. A key that is missing is null, in any order of the keys. A line that is not an object, or has a key twice, becomes an
 * `unreadableRow`. Throws UserError, with the line, for a key that is no column.
 */
export async function* ndjsonAsCsv(bytes: AsyncIterable<Buffer>, name: string, columns: readonly string[]): AsyncGenerator<Buffer> {
  yield Buffer.from(csvLine(columns));
  const indexes = new Map(columns.map((column, index) => [Buffer.from(column).toString(BYTES), index]));
  let out = "";
  let begun = "";
  const known: KnownKeys = [];
  const scan = afterByteOrderMark(
    scanLines((piece, ends, line) => {
      begun += piece.toString(BYTES);
      if (!ends) return;
      out += rowOrFault(begun, indexes, known, { name, line });
      begun = "";
    }),
  );
  const rows = (): Buffer => {
    const done = Buffer.from(out, BYTES);
    out = "";
    return done;
  };
  for await (const chunk of bytes) {
    scan.push(chunk);
    if (out !== "") yield rows();
  }
  scan.end();
  if (out !== "") yield rows();
}

/** One character is one byte here: bytes that are no UTF-8 reach the load, which says in which row they are. */
const BYTES = "latin1";

interface Place {
  readonly name: string;
  readonly line: number;
}

class Unreadable extends Error {}

function rowOrFault(text: string, indexes: ReadonlyMap<string, number>, known: KnownKeys, place: Place): string {
  try {
    return row(text, indexes, known, place);
  } catch (error) {
    if (error instanceof Unreadable) return unreadableRow(place.line, error.message, text, indexes.size);
    throw error;
  }
}

/** For the load to keep as a bad row: the line's number, what is wrong and its text, and two values more than there are columns. */
function unreadableRow(line: number, reason: string, text: string, columns: number): string {
  return `${line},${quotedCell(reason)},${quotedCell(text.slice(0, MOST_SHOWN))}${",".repeat(columns - 1)}\n`;
}

/** The quarantine keeps 1,000 characters, each of at most four bytes. */
const MOST_SHOWN = 4000;

function row(line: string, indexes: ReadonlyMap<string, number>, known: KnownKeys, place: Place): string {
  const cells = new Array<string>(indexes.size).fill("");
  const seen = new Array<boolean>(indexes.size).fill(false);
  readObject(
    line,
    known,
    (key, value) => {
      const index = indexes.get(key);
      if (index === undefined) throw unknownKey(key, indexes, place);
      if (seen[index] === true) throw new Unreadable(`the key ${JSON.stringify(key.slice(0, 80))} comes twice`);
      seen[index] = true;
      cells[index] = value;
    },
    (problem, column) => new Unreadable(`not a JSON object: ${problem} at column ${column}`),
  );
  return `${cells.join(",")}\n`;
}

function unknownKey(key: string, indexes: ReadonlyMap<string, number>, { name, line }: Place): UserError {
  const near = nearest(key, [...indexes.keys()]);
  return new UserError(`${name}:${line}: the fields lack ${shown(key)}${near === null ? "" : ` (nearest: ${shown(near)})`}`, {
    hint: "Nothing was written. Change the transform or the fields so that both name the same columns.",
  });
}

function shown(key: string): string {
  return JSON.stringify(Buffer.from(key, BYTES).toString("utf8").slice(0, 80));
}
