import { scanCsv } from "./csv-scan.ts";
import { afterByteOrderMark } from "./record-scan.ts";

/** All records of a CSV file, the header first, as a load reads them: null for an empty value, the empty text for `""`. Throws Error for a file that has no plain records. */
export async function readCsvValues(bytes: AsyncIterable<Buffer>): Promise<(string | null)[][]> {
  const records: (string | null)[][] = [];
  let pieces: Buffer[] = [];
  const scan = afterByteOrderMark(
    scanCsv((piece, ends) => {
      pieces.push(Buffer.from(piece));
      if (!ends) return;
      records.push(valuesOf(Buffer.concat(pieces).toString("utf8")));
      pieces = [];
    }),
  );
  for await (const chunk of bytes) scan.push(chunk);
  const problem = scan.end();
  if (problem !== null) throw new Error(problem);
  return records;
}

/** Undoes the one form in which `scanCsv` gives a record. */
function valuesOf(record: string): (string | null)[] {
  const marked = record.match(/(?:[^",]|"[\s\S])+|(?<=,|^)(?=,|$)/g) ?? [];
  return marked.map((value) => {
    if (value === "") return null;
    return value === '"e' ? "" : value.replaceAll(/"([\s\S])/g, "$1");
  });
}
