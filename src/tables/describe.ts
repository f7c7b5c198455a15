import { createHash } from "node:crypto";
import { scanCsv } from "./csv-scan.ts";
import { scanLines } from "./line-scan.ts";
import { afterByteOrderMark, type RecordScan, type TakeRecord } from "./record-scan.ts";
import { countRows, digestRows } from "./row-digest.ts";

/** What is known of a table's rows without loading them. */
export interface TableDescription {
  /** As a load counts them; null when nobody can say. */
  readonly rows: number | null;
  /** Equal for files with the same columns and the same rows in any order; null when it was not asked for, or nobody can say. */
  readonly digest: string | null;
  /** Why something that was asked for is null; null when nothing is. */
  readonly problem: string | null;
}

/** Reads a CSV once, in little memory whatever its rows are like. Null and the empty text are different; quotes around a value make no difference. */
export function describeCsv(bytes: AsyncIterable<Buffer>, withDigest: boolean): Promise<TableDescription> {
  return describe(bytes, "csv", scanCsv, { hasHeader: true, withDigest });
}

/** Reads newline-delimited JSON once. Rows are compared by their text: `1` and `1.0` are different, and so are keys in another order. */
export function describeNdjson(bytes: AsyncIterable<Buffer>, withDigest: boolean): Promise<TableDescription> {
  return describe(bytes, "ndjson", scanLines, { hasHeader: false, withDigest });
}

/** One text for the columns and all rows. `columns` tells apart what no row does: names, types, the kind of file. */
export function digestOf(columns: string, rows: number, total: string): string {
  return `${rows}-${createHash("sha256")
    .update(JSON.stringify([columns, rows, total]))
    .digest("hex")}`;
}

async function describe(
  bytes: AsyncIterable<Buffer>,
  kind: string,
  scanOf: (take: TakeRecord) => RecordScan,
  { hasHeader, withDigest }: { hasHeader: boolean; withDigest: boolean },
): Promise<TableDescription> {
  const header = createHash("sha256").update(kind);
  const rows = withDigest ? digestRows() : countRows();
  let isHeader = hasHeader;
  const scan = afterByteOrderMark(
    scanOf((piece, ends) => {
      if (!isHeader) return rows.add(piece, ends);
      header.update(piece);
      isHeader = !ends;
    }),
  );
  for await (const chunk of bytes) scan.push(chunk);
  const problem = scan.end();
  if (problem !== null) return { rows: null, digest: null, problem };
  const total = rows.total();
  return { rows: rows.rows, digest: total === null ? null : digestOf(header.digest("hex"), rows.rows, total), problem: null };
}
