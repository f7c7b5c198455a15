import type { CsvFile } from "./csv.ts";
import { DataError, type LoadDatabase } from "./database.ts";
import type { DoubtfulRows } from "./doubtful-rows.ts";
import { type Piece, type RecordForm, RecordScanner } from "./records.ts";

/** How a file's rows enter the database. */
export interface CopyJob {
  /** A `COPY … FROM STDIN (FORMAT csv)` of the file's columns. */
  readonly sql: string;
  readonly form: RecordForm;
  /** Takes the rows that PostgreSQL may not get as they are. */
  readonly onDoubtful: (piece: Piece & { kind: "doubtful" }) => void;
}

/** `written` are the rows that PostgreSQL counts. `transactions` are the subtransactions that wrote some and are over, as xmin shows them. */
export interface CopyCounts {
  sent: number;
  written: number;
  readonly transactions: string[];
}

export function noCounts(): CopyCounts {
  return { sent: 0, written: 0, transactions: [] };
}

/** Longer rows are not held: they pass on in parts, whatever their length. */
const LONG_ROW = 4 * 1024 * 1024;

/** One COPY, as long as few rows are doubtful. Throws DataError as soon as PostgreSQL refuses a row. */
export async function copyWhole(database: LoadDatabase, csv: CsvFile, job: CopyJob, doubtful: DoubtfulRows): Promise<CopyCounts> {
  const onDoubt = (line: number): Error => new DataError(`the row in line ${line} of ${job.form.key} does not fit`, null, undefined);
  const pieces = piecesOf(csv, new RecordScanner(job.form, { long: { longest: LONG_ROW, onDoubt } }));
  const counts = noCounts();
  let isDone = false;
  async function* rows(): AsyncGenerator<Buffer> {
    while (!doubtful.isFull) {
      const next = await pieces.next();
      if (next.done === true) {
        isDone = true;
        return;
      }
      if (next.value.kind === "doubtful") {
        job.onDoubtful(next.value);
      } else {
        counts.sent += next.value.records;
        yield next.value.bytes;
      }
    }
  }
  while (!isDone) {
    counts.written += await database.copyFrom(job.sql, rows());
    await doubtful.write();
  }
  return counts;
}

/** So many bytes of rows are tried at once to begin with, and so many when they are refused. */
const FIRST_CHUNK = 1024 * 1024;
const SMALL_CHUNK = 64 * 1024;
/** After so many chunks they become twice as large: each is a subtransaction, which takes a place in the server's table of locks. */
const CHUNKS_OF_A_SIZE = 32;
const LARGEST_CHUNK = 16 * 1024 * 1024;

/** Chunk by chunk, so that a row which PostgreSQL refuses makes only its neighbours doubtful. */
export async function copyByChunks(database: LoadDatabase, csv: CsvFile, job: CopyJob, doubtful: DoubtfulRows): Promise<CopyCounts> {
  const counts = noCounts();
  let chunk: Rows[] = [];
  let size = 0;
  let chunks = 0;
  const copy = async (): Promise<void> => {
    const rows = chunk;
    chunk = [];
    size = 0;
    chunks++;
    if (rows.length > 0 && !(await isTaken(rows))) await copySmall(rows);
    await doubtful.write();
  };
  const copySmall = async (rows: readonly Rows[]): Promise<void> => {
    for (const small of rows.flatMap((part) => split(part, job.form))) {
      if (!(await isTaken([small]))) for (const row of eachRow(small, job.form)) job.onDoubtful(row);
    }
  };
  const isTaken = async (rows: readonly Rows[]): Promise<boolean> => {
    await database.query("SAVEPOINT dagline_chunk");
    try {
      counts.written += await database.copyFrom(
        job.sql,
        rows.map(({ bytes }) => bytes),
      );
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      await database.query("ROLLBACK TO SAVEPOINT dagline_chunk; RELEASE SAVEPOINT dagline_chunk");
      return false;
    }
    // A subtransaction holds a lock on its id until it is over.
    const { rows: own } = await database.query<{ id: string }>(
      "SELECT transactionid::text AS id FROM pg_locks WHERE locktype = 'transactionid' AND pid = pg_backend_pid()",
    );
    counts.transactions.push(...own.map(({ id }) => id));
    await database.query("RELEASE SAVEPOINT dagline_chunk");
    counts.sent += rows.reduce((sum, { records }) => sum + records, 0);
    return true;
  };

  for await (const piece of piecesOf(csv, new RecordScanner(job.form))) {
    if (piece.kind === "doubtful") {
      job.onDoubtful(piece);
    } else {
      chunk.push({ ...piece, bytes: Buffer.from(piece.bytes) });
      size += piece.bytes.length;
    }
    const full = Math.min(FIRST_CHUNK * 2 ** Math.floor(chunks / CHUNKS_OF_A_SIZE), LARGEST_CHUNK);
    if (size >= full || doubtful.isFull) await copy();
  }
  await copy();
  return counts;
}

type Rows = Piece & { kind: "rows" };

async function* piecesOf(csv: CsvFile, scanner: RecordScanner): AsyncGenerator<Piece> {
  for await (const chunk of csv.body as AsyncIterable<Buffer>) yield* scanner.push(chunk);
  yield* scanner.end();
}

function split({ bytes, line }: Rows, form: RecordForm): Rows[] {
  const scanner = new RecordScanner({ ...form, line });
  const small: Rows[] = [];
  const take = (pieces: readonly Piece[]): void => {
    for (const piece of pieces) if (piece.kind === "rows") small.push({ ...piece, bytes: Buffer.from(piece.bytes) });
  };
  for (let at = 0; at < bytes.length; at += SMALL_CHUNK) take(scanner.push(bytes.subarray(at, at + SMALL_CHUNK)));
  take(scanner.end());
  return small;
}

function* eachRow({ bytes, line }: Rows, form: RecordForm): Generator<Piece & { kind: "doubtful" }> {
  const scanner = new RecordScanner({ ...form, line }, { doubtEvery: true });
  for (const piece of [...scanner.push(bytes)]) if (piece.kind === "doubtful") yield piece;
  for (const piece of scanner.end()) if (piece.kind === "doubtful") yield piece;
}
