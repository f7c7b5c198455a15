import { UserError } from "../errors.ts";
import type { LoadDatabase } from "./database.ts";
import { typeSql } from "./ddl.ts";
import { isNumber, notANumberSql } from "./not-a-number.ts";
import type { LoadRequest } from "./request.ts";
import { literal } from "./sql.ts";

export interface BadRows {
  /** The temporary table whose column `n` has the numbers of the bad rows. */
  readonly table: string;
  readonly rows: number;
  /** Set when there are more than the scrape tolerates. */
  readonly refuse: UserError | null;
}

const badRows = "pg_temp.dagline_bad_rows";
/** Of a refused load, this many values are kept beyond the tolerated rows: enough to see what is wrong. */
const KEPT_WHEN_REFUSED = 1000;
const SHOWN = 5;

/** Finds the rows of `texts` with too many or too few values, or one that its column's type does not take, and writes them to the quarantine. */
export async function keepBadRows(database: LoadDatabase, request: LoadRequest, loadId: string, texts: string): Promise<BadRows> {
  await findBadRows(database, request, texts);
  const { rows } = await database.query<{ count: string }>(`SELECT count(DISTINCT n) AS count FROM ${badRows}`);
  const count = Number(rows[0]?.count);
  const isRefused = count > request.maxBadRows;
  const limit = isRefused ? `ORDER BY n, i LIMIT ${KEPT_WHEN_REFUSED + Math.trunc(request.maxBadRows)}` : "";
  await database.query(
    `INSERT INTO dagline.quarantine (load_id, file, line, "column", value, reason)
     SELECT $1, ($2::text[])[file + 1], line, ($3::text[])[i + 1], left(value, 1000), reason FROM ${badRows} ${limit}`,
    [loadId, request.files.map((file) => file.key), request.fields.map((field) => field.name)],
  );
  return { table: badRows, rows: count, refuse: isRefused ? await refusal(database, request, count) : null };
}

async function findBadRows(database: LoadDatabase, request: LoadRequest, texts: string): Promise<void> {
  const values = request.fields.map((field, index) => `(${index}, c${index}, ${literal(typeSql(field.type))}, ${isNumber(field)})`);
  await database.query(
    `CREATE TEMP TABLE ${badRows} ON COMMIT DROP AS
     SELECT n, file, line, NULL::integer AS i, raw AS value, misshapen AS reason FROM ${texts} WHERE misshapen IS NOT NULL
     UNION ALL
     SELECT n, file, line, i, value, coalesce((pg_input_error_info(value, type)).message, ${notANumberSql("value")}) AS reason
     FROM ${texts} CROSS JOIN LATERAL (VALUES ${values.join(", ")}) AS each (i, value, type, is_number)
     WHERE value IS NOT NULL AND (NOT pg_input_is_valid(value, type) OR is_number AND ${notANumberSql("value")} IS NOT NULL)`,
  );
}

async function refusal(database: LoadDatabase, request: LoadRequest, count: number): Promise<UserError> {
  const { rows } = await database.query<{ file: number; line: string; i: number | null; reason: string }>(
    `SELECT file, line, i, reason FROM ${badRows} ORDER BY n, i LIMIT ${SHOWN}`,
  );
  const shown = rows.map(({ file, line, i, reason }) => {
    const column = i === null ? "" : ` ${request.fields[i]?.name}`;
    return `  ${request.files[file]?.key}:${line}${column}: ${reason}`;
  });
  const tolerated = request.maxBadRows === 0 ? "none is tolerated" : `${request.maxBadRows} are tolerated`;
  const message = `${count} ${count === 1 ? "row does" : "rows do"} not fit table \`${request.table}\`, and ${tolerated}:\n${shown.join("\n")}`;
  return new UserError(count > SHOWN ? `${message}\n  …` : message, {
    hint: "Nothing was loaded. The bad rows are in dagline.quarantine. Correct the transform or the field's type, or raise max_bad_rows.",
  });
}
