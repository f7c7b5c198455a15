import { UserError } from "../errors.ts";
import type { LoadDatabase } from "./database.ts";
import { badRows } from "./doubtful-rows.ts";
import type { LoadRequest } from "./request.ts";

/** A value of a row that does not fit, or a row as a whole. */
interface BadValue {
  readonly file: number;
  readonly line: string;
  /** The field, counted from 0. */
  readonly i: number | null;
  readonly value: string;
  readonly reason: string;
}

/** Of a refused load, so many values are kept: enough to see what is wrong. */
const KEPT_WHEN_REFUSED = 1000;
const SHOWN = 5;
const inOrder = `SELECT file, line, i, left(value, 1000) AS value, reason FROM ${badRows} ORDER BY file, line, i`;

/** Writes the bad rows of a load to the quarantine. */
export async function keepBadRows(database: LoadDatabase, request: LoadRequest, loadId: string): Promise<void> {
  await database.query(
    `INSERT INTO dagline.quarantine (load_id, file, line, "column", value, reason)
     SELECT $1, ($2::text[])[file + 1], line, ($3::text[])[i + 1], value, reason FROM (${inOrder}) bad`,
    [loadId, ...namesOf(request)],
  );
}

/** The first bad values. */
export async function readBadRows(database: LoadDatabase): Promise<BadValue[]> {
  return (await database.query<BadValue>(`${inOrder} LIMIT ${KEPT_WHEN_REFUSED}`)).rows;
}

/** Writes down why a load was refused, in place of its last refusal. The account of the rows that are in the table stays. */
export async function keepRefused(
  database: LoadDatabase,
  request: LoadRequest,
  loadId: string,
  values: readonly BadValue[],
): Promise<void> {
  await database.query("DELETE FROM dagline.quarantine WHERE load_id = $1 AND refused", [loadId]);
  await database.query(
    `INSERT INTO dagline.quarantine (load_id, file, line, "column", value, reason, refused)
     SELECT $1, ($2::text[])[file + 1], line, ($3::text[])[i + 1], value, reason, true
     FROM unnest($4::integer[], $5::bigint[], $6::integer[], $7::text[], $8::text[]) AS bad (file, line, i, value, reason)`,
    [
      loadId,
      ...namesOf(request),
      values.map(({ file }) => file),
      values.map(({ line }) => line),
      values.map(({ i }) => i),
      values.map(({ value }) => value),
      values.map(({ reason }) => reason),
    ],
  );
}

function namesOf(request: LoadRequest): [files: string[], fields: string[]] {
  return [request.files.map((file) => file.key), request.fields.map((field) => field.name)];
}

/** What to tell of a load with `count` bad rows, which is more than it tolerates. */
export async function refusal(database: LoadDatabase, request: LoadRequest, count: number): Promise<UserError> {
  const { rows } = await database.query<BadValue>(`${inOrder} LIMIT ${SHOWN}`);
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
