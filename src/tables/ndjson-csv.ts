import { UserError } from "../errors.ts";
import { nearest } from "../scrape/did-you-mean.ts";
import { csvLine } from "./csv-line.ts";
import { type KnownKeys, readObject } from "./json-object.ts";
import { scanLines } from "./line-scan.ts";
import { afterByteOrderMark } from "./record-scan.ts";

/**
 * The rows of newline-delimited JSON as CSV with a header, in little memory. Every value keeps its text: numbers their digits, a nested value
 * its JSON. A key that is missing is null, in any order of the keys. Throws UserError, with the line, for what is not an object, for a key that is
 * no column, and for one that comes twice.
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
      out += row(begun, indexes, known, `${name}:${line}`);
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

function row(line: string, indexes: ReadonlyMap<string, number>, known: KnownKeys, place: string): string {
  const cells = new Array<string>(indexes.size).fill("");
  const seen = new Array<boolean>(indexes.size).fill(false);
  readObject(
    line,
    known,
    (key, value) => {
      const index = indexes.get(key);
      if (index === undefined) throw unknownKey(key, indexes, place);
      if (seen[index] === true) throw new UserError(`${place}: the key ${shown(key)} comes twice`, { hint });
      seen[index] = true;
      cells[index] = value;
    },
    (problem, column) => new UserError(`${place}: not a JSON object: ${problem} at column ${column}`, { hint }),
  );
  return `${cells.join(",")}\n`;
}

const hint = "Nothing was written. Each line must be one JSON object, with the fields as keys.";

function unknownKey(key: string, indexes: ReadonlyMap<string, number>, place: string): UserError {
  const near = nearest(key, [...indexes.keys()]);
  return new UserError(`${place}: the fields lack ${shown(key)}${near === null ? "" : ` (nearest: ${shown(near)})`}`, {
    hint: "Nothing was written. Change the transform or the fields so that both name the same columns.",
  });
}

function shown(key: string): string {
  return JSON.stringify(Buffer.from(key, BYTES).toString("utf8").slice(0, 80));
}
