import { UserError } from "../errors.ts";
import type { RecordedLoad } from "../recorded-load.ts";
import type { RecordedLoads } from "./model.ts";

/** Many more than are recorded. */
const MOST_SAMPLES = 100;

/** Reads what `dagline test --rows` wrote. `file` is its name for messages. Throws a UserError when it is of another form. */
export function parseRecordedLoads(text: string, file: string): RecordedLoads {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(file, "it is not JSON", error);
  }
  if (!isObject(value) || !Array.isArray(value.loads)) throw invalid(file, "it has no list `loads`");
  return { loads: value.loads.map((load: unknown, index) => checked(load, `loads[${index}]`, file)) };
}

function checked(load: unknown, at: string, file: string): RecordedLoad {
  if (!isObject(load)) throw invalid(file, `${at} is not an object`);
  const { dag, task, table, rows, columns, sample } = load;
  if (typeof dag !== "string" || typeof task !== "string" || typeof table !== "string")
    throw invalid(file, `${at} lacks dag, task or table`);
  if (typeof rows !== "number" || !Number.isInteger(rows) || rows < 0) throw invalid(file, `${at}.rows is not a number of rows`);
  if (!Array.isArray(columns) || !columns.every((column) => typeof column === "string"))
    throw invalid(file, `${at}.columns is not a list of texts`);
  // Whoever compares two samples pays for their length.
  if (Array.isArray(sample) && sample.length > MOST_SAMPLES) throw invalid(file, `${at}.sample has more than ${MOST_SAMPLES} rows`);
  if (!Array.isArray(sample) || !sample.every(isRow)) throw invalid(file, `${at}.sample is not a list of rows of texts`);
  return { dag, task, table, rows, columns, sample };
}

function isRow(value: unknown): value is Record<string, string | null> {
  return isObject(value) && Object.values(value).every((cell) => cell === null || typeof cell === "string");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(file: string, what: string, cause?: unknown): UserError {
  return new UserError(`${file} holds no recorded loads: ${what}`, { hint: "Record them with `dagline test --rows FILE`.", cause });
}
