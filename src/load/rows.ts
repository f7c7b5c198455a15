import type { Readable } from "node:stream";
import { UserError } from "../errors.ts";
import { checkColumns } from "./check-columns.ts";
import { type CsvFile, openCsv } from "./csv.ts";
import { DataError, type LoadDatabase } from "./database.ts";
import { typeSql } from "./ddl.ts";
import { isNumber, refuseNotANumber, watchNumbers } from "./not-a-number.ts";
import { keepBadRows } from "./quarantine.ts";
import { recordColumns, tellRecords } from "./records.ts";
import type { LoadFile, LoadRequest } from "./request.ts";
import { identifier, identifiers } from "./sql.ts";
import type { Target } from "./target.ts";
import { mergeRows } from "./write-modes.ts";

interface Counts {
  readonly rowsRead: number;
  readonly rowsWritten: number;
  readonly rowsQuarantined: number;
  /** Rows of the table that differ from those read, and were not overwritten since they are of a newer run. */
  readonly rowsLeft: number;
}

/** `clear` removes the rows that the new ones take the place of; without `overwrite`, an upsert leaves rows whose key is there. */
export type CopyRows = (
  database: LoadDatabase,
  request: LoadRequest,
  target: Target,
  loadId: string,
  how: { readonly clear: () => Promise<void>; readonly overwrite: boolean },
) => Promise<Counts | { readonly refuse: Error }>;

/** The fast way: every file straight into typed columns. Throws DataError as soon as PostgreSQL refuses a row, or when a number is none. */
export const copyStraight: CopyRows = async (database, request, target, loadId, { clear, overwrite }) => {
  await clear();
  const { fields, mode } = request;
  const numbers = watchNumbers(fields);
  const copy = (into: string, column: (name: string) => string): Promise<number> =>
    copyFiles(database, request, into, {
      columns: (csv) => csv.columns.map(column),
      rows: (csv) => numbers.watch(csv.body),
    });
  const refuse = async (table: string, column: (name: string) => string, id: string | null): Promise<void> => {
    const columns = fields.filter(isNumber).map(({ name }) => column(name));
    if (numbers.suspects) await refuseNotANumber(database, table, columns, id);
  };
  if (mode.kind !== "upsert") {
    const rows = await copy(target.sql, identifier);
    await refuse(target.sql, identifier, loadId);
    return { rowsRead: rows, rowsWritten: rows, rowsQuarantined: 0, rowsLeft: 0 };
  }
  await createTypedRows(database, request);
  const column = (name: string): string => numbered(request, name);
  const rowsRead = await copy(typedRows, column);
  await refuse(typedRows, column, null);
  const { written, left } = await mergeRows(database, request, target, mode.key, typedRows, { overwrite });
  return { rowsRead, rowsWritten: written, rowsQuarantined: 0, rowsLeft: left };
};

/** The slow way, once the fast one has failed: every file as text, then the rows that fit; the others go to the quarantine, if that is tolerated. */
export const copySorted: CopyRows = async (database, request, target, loadId, { clear, overwrite }) => {
  const columns = [...recordColumns.map(({ name, type }) => `${name} ${type}`), ...request.fields.map((_, index) => `c${index} text`)];
  await database.query(
    `CREATE TEMP TABLE ${textRows} (n bigint GENERATED ALWAYS AS IDENTITY, file integer DEFAULT current_setting('dagline.file')::integer, ${columns.join(", ")}) ON COMMIT DROP`,
  );
  const rowsRead = await copyFiles(database, request, textRows, {
    columns: (csv) => [...recordColumns.map(({ name }) => name), ...csv.columns.map((name) => numbered(request, name))],
    rows: tellRecords,
  });
  const bad = await keepBadRows(database, request, loadId, textRows);
  if (bad.refuse !== null) return { refuse: bad.refuse };
  await clear();
  const names = request.fields.map((field) => field.name);
  const values = request.fields.map((field, index) => `c${index}::${typeSql(field.type)}`);
  const good = `SELECT ${values.join(", ")} FROM ${textRows} t WHERE NOT EXISTS (SELECT FROM ${bad.table} b WHERE b.n = t.n)`;
  if (request.mode.kind !== "upsert") {
    const { rowCount } = await database.query(`INSERT INTO ${target.sql} (${identifiers(names)}) ${good}`);
    return { rowsRead, rowsWritten: rowCount, rowsQuarantined: bad.rows, rowsLeft: 0 };
  }
  await createTypedRows(database, request);
  await database.query(`INSERT INTO ${typedRows} ${good}`);
  const { written, left } = await mergeRows(database, request, target, request.mode.key, typedRows, { overwrite });
  return { rowsRead, rowsWritten: written, rowsQuarantined: bad.rows, rowsLeft: left };
};

const typedRows = "pg_temp.dagline_typed_rows";
const textRows = "pg_temp.dagline_text_rows";

/** Temporary tables have numbered columns: no name of a field can be in their way. */
function numbered(request: LoadRequest, name: string): string {
  return `c${request.fields.findIndex((field) => field.name === name)}`;
}

async function createTypedRows(database: LoadDatabase, request: LoadRequest): Promise<void> {
  const columns = request.fields.map((field, index) => `c${index} ${typeSql(field.type)}`);
  await database.query(`CREATE TEMP TABLE ${typedRows} (${columns.join(", ")}) ON COMMIT DROP`);
}

/** How a file enters a COPY: the columns to name, and what to send. */
interface Form {
  readonly columns: (csv: CsvFile) => readonly string[];
  readonly rows: (csv: CsvFile, key: string) => Readable;
}

async function copyFiles(database: LoadDatabase, request: LoadRequest, into: string, form: Form): Promise<number> {
  let rows = 0;
  for (const [index, file] of request.files.entries()) {
    await database.query("SELECT set_config('dagline.file', $1, true)", [String(index)]);
    const csv = await openCsv(file);
    checkColumns(file.key, request.table, csv.columns, request.fields);
    const sql = `COPY ${into} (${form.columns(csv).join(", ")}) FROM STDIN (FORMAT csv)`;
    try {
      rows += await database.copyFrom(sql, form.rows(csv, file.key));
    } catch (error) {
      // As text, every value fits: what is refused is the file's form.
      if (into === textRows && error instanceof DataError) throw malformed(file, error, csv.headerLines);
      throw error;
    }
    csv.verify();
  }
  return rows;
}

function malformed(file: LoadFile, error: DataError, headerLines: number): UserError {
  const line = error.line === null ? "" : `:${error.line + headerLines}`;
  return new UserError(`${file.key}${line}: not readable as CSV: ${error.message}`, {
    hint: "Nothing was loaded. Write the file with a CSV writer: UTF-8, one value for each column, quotes doubled.",
    cause: error,
  });
}
