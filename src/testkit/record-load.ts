import { appendFileSync } from "node:fs";
import type { RecordedLoad } from "../recorded-load.ts";
import type { Row } from "./read-files.ts";

/** Names the file that loads are recorded in; `dagline test --rows` sets it. */
export const RECORD_VARIABLE = "DAGLINE_RECORD_LOADS";

const SAMPLE = 5;

/** Appends a line of JSON that says what the table holds after a load, where the variable names a file. */
export async function recordLoad(load: Omit<RecordedLoad, "rows" | "sample">, rows: () => Promise<Row[]>): Promise<void> {
  const file = process.env[RECORD_VARIABLE];
  if (file === undefined || file === "") return;
  const found = await rows();
  const record: RecordedLoad = { ...load, rows: found.length, sample: found.slice(0, SAMPLE) };
  appendFileSync(file, `${JSON.stringify(record)}\n`);
}
