import type { Log } from "../log.ts";
import type { Field } from "../scrape/model.ts";
import { checkColumns } from "./check-columns.ts";
import { type CopyCounts, copyByChunks, copyWhole, noCounts } from "./copy-file.ts";
import { openCsv } from "./csv.ts";
import type { LoadDatabase } from "./database.ts";
import { DoubtfulRows } from "./doubtful-rows.ts";
import { mergeRows } from "./merge-rows.ts";
import { keepBadRows, keepRefused, readBadRows, refusal } from "./quarantine.ts";
import type { LoadFile, LoadRequest } from "./request.ts";
import { identifier, literal } from "./sql.ts";
import { createStage, type Stage } from "./stage.ts";
import type { ReadyTarget, Target } from "./target.ts";

interface Counts {
  readonly rowsRead: number;
  readonly rowsWritten: number;
  readonly rowsQuarantined: number;
  /** Rows of the table that differ from those read, and were not overwritten since they are of a newer run. */
  readonly rowsLeft: number;
  /** Subtransactions that wrote rows and are over, as xmin shows them. */
  readonly transactions: readonly string[];
}

interface How {
  /** Removes what the new rows take the place of, and the account of its bad rows. */
  readonly clear: () => Promise<void>;
  /** Without it, an upsert leaves rows whose key is there. */
  readonly overwrite: boolean;
  readonly log: Log;
}

/** Runs in a transaction. When it refuses, the bad rows' account is all that it leaves there. */
export type CopyRows = (
  database: LoadDatabase,
  request: LoadRequest,
  target: ReadyTarget,
  loadId: string,
  how: How,
) => Promise<Counts | { readonly refuse: Error }>;

/** The fast way, each file in one COPY. Throws DataError as soon as PostgreSQL refuses a row; then the transaction is over. */
export const copyStraight: CopyRows = (database, request, target, loadId, how) =>
  copyRows(database, request, target, loadId, how, copyWhole);

/** The way for files with rows that PostgreSQL refuses: those go to the quarantine, as far as that is tolerated. */
export const copyCarefully: CopyRows = (database, request, target, loadId, how) =>
  copyRows(database, request, target, loadId, how, copyByChunks);

async function copyRows(
  database: LoadDatabase,
  request: LoadRequest,
  target: ReadyTarget,
  loadId: string,
  { clear, overwrite, log }: How,
  copy: typeof copyWhole,
): Promise<Counts | { readonly refuse: Error }> {
  const { mode } = request;
  await database.query("SAVEPOINT dagline_rows");
  await clear();
  const stage = mode.kind === "upsert" || target.isWider ? await createStage(database, request, target) : null;
  const into = stage ?? { sql: target.sql, columns: request.fields.map((field) => identifier(field.name)) };
  const doubtful = new DoubtfulRows(database, request);
  const copied = noCounts();
  for (const index of request.files.keys()) {
    const counts = await copyFile(database, request, index, into, doubtful, copy);
    copied.sent += counts.sent;
    copied.written += counts.written;
    copied.transactions.push(...counts.transactions);
  }
  const { bad, inserted } = await doubtful.settle(into.sql, into.columns);
  const sent = copied.sent + doubtful.count - bad;
  const written = copied.written + inserted;
  const refuse = async (error: Error): Promise<{ refuse: Error }> => {
    const rows = bad === 0 ? [] : await readBadRows(database);
    await database.query("ROLLBACK TO SAVEPOINT dagline_rows");
    await keepRefused(database, request, loadId, rows);
    return { refuse: error };
  };
  if (bad > request.maxBadRows) return refuse(await refusal(database, request, bad));
  if (sent !== written) await explainDifference(database, target, sent, written, log);
  const merged =
    stage === null
      ? { written, left: 0 }
      : mode.kind === "upsert"
        ? await mergeRows({ database, request, target, key: mode.key, stage }, { overwrite })
        : { written: await insertAll(database, request, target, stage), left: 0 };
  if (mode.kind !== "upsert" && "written" in merged && merged.written !== written) {
    await explainDifference(database, target, written, merged.written, log);
  }
  if ("refuse" in merged) return refuse(merged.refuse);
  if (bad > 0) await keepBadRows(database, request, loadId);
  return {
    rowsRead: sent + bad,
    rowsWritten: merged.written,
    rowsQuarantined: bad,
    rowsLeft: merged.left,
    transactions: [...new Set(copied.transactions)],
  };
}

async function insertAll(database: LoadDatabase, request: LoadRequest, target: Target, stage: Stage): Promise<number> {
  const names = request.fields.map(({ name }) => identifier(name));
  const { rowCount } = await database.query(
    `INSERT INTO ${target.sql} (${names.join(", ")}) OVERRIDING SYSTEM VALUE SELECT ${stage.columns.join(", ")} FROM ${stage.sql}`,
  );
  return rowCount;
}

/** What the rows are copied into. */
interface Into {
  readonly sql: string;
  /** Quoted, in the order of the fields. */
  readonly columns: readonly string[];
}

async function copyFile(
  database: LoadDatabase,
  request: LoadRequest,
  index: number,
  into: Into,
  doubtful: DoubtfulRows,
  copy: typeof copyWhole,
): Promise<CopyCounts> {
  const file = request.files[index] as LoadFile;
  const csv = await openCsv(file);
  try {
    checkColumns(file.key, request.table, csv.columns, request.fields);
    const fieldAt = csv.columns.map((name) => request.fields.findIndex((field) => field.name === name));
    const order = request.fields.map((field) => csv.columns.indexOf(field.name));
    const counts = await copy(
      database,
      csv,
      {
        sql: `COPY ${into.sql} (${fieldAt.map((at) => into.columns[at]).join(", ")}) FROM STDIN (FORMAT csv)`,
        form: {
          key: file.key,
          types: fieldAt.map((at) => (request.fields[at] as Field).type),
          lineEnd: csv.lineEnd,
          line: csv.headerLines + 1,
          isMade: file.isVerified === true,
        },
        onDoubtful: (piece) => doubtful.add(piece, index, order),
      },
      doubtful,
    );
    csv.verify();
    return counts;
  } finally {
    csv.body.destroy();
  }
}

/** PostgreSQL counts fewer rows than it was sent where a trigger leaves some out. Anything else would lose rows. */
async function explainDifference(database: LoadDatabase, target: Target, sent: number, written: number, log: Log): Promise<void> {
  const { rows } = await database.query<{ name: string }>(
    `SELECT DISTINCT quote_ident(tgname) AS name FROM pg_trigger
     WHERE NOT tgisinternal AND tgenabled <> 'D' AND tgtype & 1 = 1 AND tgtype & 2 = 2 AND tgrelid IN (SELECT ${literal(target.sql)}::regclass UNION SELECT relid FROM pg_partition_tree(${literal(target.sql)}::regclass))`,
  );
  if (rows.length === 0) throw new Error(`PostgreSQL took ${written} of ${sent} rows for ${target.sql}`);
  log.warn(
    `table ${target.table}: ${sent - written} of ${sent} rows were left out by its triggers (${rows.map(({ name }) => name).join(", ")})`,
  );
}
