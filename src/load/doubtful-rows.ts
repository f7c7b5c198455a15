import type { LoadDatabase } from "./database.ts";
import { typeSql } from "./ddl.ts";
import { type Fault, splitRecord } from "./record-faults.ts";
import type { Piece } from "./records.ts";
import type { LoadRequest } from "./request.ts";
import { literal } from "./sql.ts";
import { misfitSql, textFormOf } from "./text-forms.ts";

/** The temporary tables of a load; they go with its transaction. */
const doubtfulRows = "pg_temp.dagline_doubtful_rows";
export const badRows = "pg_temp.dagline_bad_rows";
/** So much is held while a COPY goes on. */
const HELD = 4 * 1024 * 1024;

/**
 * Rows that PostgreSQL may not get as they are. They wait in a table of texts, where it is asked about each value: those that fit are
 * inserted, the others are bad rows.
 */
export class DoubtfulRows {
  readonly #database: LoadDatabase;
  readonly #request: LoadRequest;
  #lines: Buffer[] = [];
  #bytes = 0;
  #written = false;
  count = 0;

  constructor(database: LoadDatabase, request: LoadRequest) {
    this.#database = database;
    this.#request = request;
  }

  get isFull(): boolean {
    return this.#bytes > HELD;
  }

  /** `order`: for each field, where it stands in the file's rows. */
  add({ bytes, line, fault }: Piece & { kind: "doubtful" }, file: number, order: readonly number[]): void {
    const text = csvLine(bytes, line, fault, file, order);
    this.#lines.push(text);
    this.#bytes += text.length;
    this.count++;
  }

  /** Moves what is held to the database; not while a COPY goes on. */
  async write(): Promise<void> {
    if (this.#lines.length === 0) return;
    if (!this.#written) {
      await this.#database.query(
        `CREATE TEMP TABLE ${doubtfulRows} (n bigint GENERATED ALWAYS AS IDENTITY, file integer, line bigint, i integer, value text, reason text, cells text[]) ON COMMIT DROP`,
      );
      this.#written = true;
    }
    const lines = this.#lines;
    this.#lines = [];
    this.#bytes = 0;
    await this.#database.copyFrom(`COPY ${doubtfulRows} (file, line, i, value, reason, cells) FROM STDIN (FORMAT csv)`, lines);
  }

  /** Tells the bad rows, in the table `badRows`, and inserts the others. Resolves to how many of either there are. */
  async settle(into: string, columns: readonly string[]): Promise<{ bad: number; inserted: number }> {
    await this.write();
    if (this.count === 0) return { bad: 0, inserted: 0 };
    const { fields } = this.#request;
    await this.#findBadRows();
    const { rows } = await this.#database.query<{ count: string }>(`SELECT count(DISTINCT n) AS count FROM ${badRows}`);
    const values = fields.map(({ type }, index) => `(cells[${index + 1}])::${typeSql(type)}`);
    const { rowCount } = await this.#database.query(
      `INSERT INTO ${into} (${columns.join(", ")}) OVERRIDING SYSTEM VALUE SELECT ${values.join(", ")} FROM ${doubtfulRows} t
       WHERE NOT EXISTS (SELECT FROM ${badRows} b WHERE b.n = t.n)`,
    );
    return { bad: Number(rows[0]?.count), inserted: rowCount };
  }

  async #findBadRows(): Promise<void> {
    const each = this.#request.fields.map(({ type }, index) => {
      const value = `cells[${index + 1}]`;
      const form = textFormOf(type);
      return `(${index}, ${value}, ${literal(typeSql(type))}, ${form === null ? "NULL" : misfitSql(form, value)})`;
    });
    await this.#database.query(
      `CREATE TEMP TABLE ${badRows} ON COMMIT DROP AS
       SELECT n, file, line, i, value, reason FROM ${doubtfulRows} WHERE reason IS NOT NULL
       UNION ALL
       SELECT n, file, line, each.i, each.value, coalesce((pg_input_error_info(each.value, type)).message, misfit)
       FROM ${doubtfulRows} CROSS JOIN LATERAL (VALUES ${each.join(", ")}) AS each (i, value, type, misfit)
       WHERE reason IS NULL AND each.value IS NOT NULL AND (misfit IS NOT NULL OR NOT pg_input_is_valid(each.value, type))`,
    );
  }
}

/** A row for the table, as CSV. In it one character is one byte, so that a value's bytes stay as they are. */
function csvLine(record: Buffer, line: number, fault: Fault | null, file: number, order: readonly number[]): Buffer {
  const quoted = (text: string): string => `"${Buffer.from(text).toString("latin1").replaceAll('"', '""')}"`;
  if (fault !== null) {
    const field = fault.column === null ? "" : order.indexOf(fault.column);
    return Buffer.from(`${file},${line},${field},${quoted(fault.value)},${quoted(fault.reason)},\n`, "latin1");
  }
  const cells = splitRecord(record);
  const values = order.map((at) => elementOf(cells[at] ?? null));
  return Buffer.from(`${file},${line},,,,"{${values.join(",")}}"\n`, "latin1");
}

/** An element of an array constant (manual, "Array Input and Output Syntax"), within the quotes of CSV. */
function elementOf(cell: Buffer | null): string {
  if (cell === null) return "NULL";
  return `""${cell.toString("latin1").replaceAll("\\", "\\\\").replaceAll('"', '\\""')}""`;
}
