import { Readable } from "node:stream";
import type { Field } from "../scrape/model.ts";
import { DataError, type LoadDatabase } from "./database.ts";
import { loadIdColumn } from "./ddl.ts";
import { identifier, literal } from "./sql.ts";

/**
 * PostgreSQL takes the texts `NaN` and `Infinity` as numbers, in any case and with blanks around. Nobody can add them up, and Redshift's NUMERIC
 * does not hold them: in a file they are slips of what wrote it, where a null was meant.
 */
export function isNumber({ type }: Field): boolean {
  return type.name === "NUMERIC" || type.name === "FLOAT";
}

/** The SQL that says what is wrong with a text that a number's type takes; null for a number. */
export function notANumberSql(text: string): string {
  const bare = `lower(btrim(${text}, E' \\t\\n\\r\\f\\v'))`;
  return `CASE WHEN ${bare} ~ '^[+-]?nan$' THEN 'not a number (NaN)' WHEN ${bare} ~ '^[+-]?inf(inity)?$' THEN 'not a finite number (' || left(${text}, 20) || ')' END`;
}

/** Looks at the bytes that pass, since to ask PostgreSQL about each row would cost far more. */
export interface NumberWatch {
  /** Whether a value of any column, be it one of text, looked like NaN or Infinity. */
  readonly suspects: boolean;
  watch(source: Readable): Readable;
}

export function watchNumbers(fields: readonly Field[]): NumberWatch {
  const isNeeded = fields.some(isNumber);
  let suspects = false;
  const watched = async function* (source: Readable): AsyncGenerator<Buffer> {
    let tail = "\n";
    for await (const chunk of source as AsyncIterable<Buffer>) {
      const seam = tail + chunk.toString("latin1", 0, SEAM);
      suspects ||= suspicious.test(seam) || (words.some((word) => chunk.includes(word)) && suspicious.test(chunk.toString("latin1")));
      tail = chunk.length > SEAM ? chunk.toString("latin1", chunk.length - SEAM) : seam.slice(-SEAM);
      yield chunk;
    }
    suspects ||= suspicious.test(`${tail}\n`);
  };
  return {
    get suspects() {
      return suspects;
    },
    watch: (source) => (isNeeded ? Readable.from(watched(source), { objectMode: false, highWaterMark: 256 * 1024 }) : source),
  };
}

/** A whole value. */
const suspicious = /[,"\r\n]\s*[+-]?(?:nan|inf(?:inity)?)\s*[,"\r\n]/i;
/** How many bytes on either side of a cut are looked at together: more than a value with the blanks around it. */
const SEAM = 256;
/** Searched as bytes first, in every case: that is four times as fast as the expression, and most files hold none of them. */
const words = [...inEveryCase("nan"), ...inEveryCase("inf")];

function inEveryCase(word: string): string[] {
  const [first = "", ...rest] = word;
  return rest.length === 0
    ? [first, first.toUpperCase()]
    : inEveryCase(rest.join("")).flatMap((end) => [first + end, first.toUpperCase() + end]);
}

/** Throws DataError when the rows of a load, in `table`, hold NaN or Infinity. `loadId` is null when all rows of the table are the load's. */
export async function refuseNotANumber(
  database: LoadDatabase,
  table: string,
  columns: readonly string[],
  loadId: string | null,
): Promise<void> {
  const found = columns.map((column) => `${column} IN ('NaN', 'Infinity', '-Infinity')`).join(" OR ");
  const own = loadId === null ? "" : `${identifier(loadIdColumn)} = ${literal(loadId)} AND `;
  const { rowCount } = await database.query(`SELECT FROM ${table} WHERE ${own}(${found}) LIMIT 1`);
  if (rowCount > 0) throw new DataError("NaN or Infinity where a number is expected", null, undefined);
}
