import { appendFileSync } from "node:fs";
import type { Row } from "./read-files.ts";

/** Names the file that loads are recorded in; `dagline test --rows` sets it. */
export const RECORD_VARIABLE = "DAGLINE_RECORD_LOADS";

/** One line of that file. */
export interface LoadRecord {
  readonly dag: string;
  readonly task: string;
  readonly table: string;
  readonly mode: string;
  /** How many rows the table has after the load. */
  readonly rows: number;
  readonly columns: readonly string[];
  /** The first rows in order. */
  readonly sample: readonly Row[];
}

const SAMPLE = 5;

/** Appends a line of JSON that says what the table holds after a load, where the variable names a file. */
export async function recordLoad(load: Omit<LoadRecord, "rows" | "sample">, rows: () => Promise<Row[]>): Promise<void> {
  const file = process.env[RECORD_VARIABLE];
  if (file === undefined || file === "") return;
  const found = await rows();
  const record: LoadRecord = { ...load, rows: found.length, sample: found.slice(0, SAMPLE) };
  appendFileSync(file, `${JSON.stringify(record)}\n`);
}
