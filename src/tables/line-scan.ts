import type { RecordScan } from "./record-scan.ts";

const LF = 0x0a;
const CR = 0x0d;
const BRACE = 0x7b;

/** As `TakeRecord`; `line` starts at 1. */
export type TakeLine = (bytes: Buffer, ends: boolean, line: number) => void;

/** Splits newline-delimited JSON into its lines, without their line ends; blank lines are left out. A long line is never held as a whole. */
export function scanLines(take: TakeLine): RecordScan {
  let hasContent = false;
  let line = 1;
  let problem: string | null = null;
  let held: Buffer | null = null;

  const part = (bytes: Buffer, ends: boolean): void => {
    const first = hasContent ? undefined : bytes.find((byte) => !isBlank(byte));
    if (first !== undefined && first !== BRACE) problem ??= `line ${line} is not a JSON object`;
    hasContent ||= first !== undefined;
    if (hasContent) take(bytes, ends, line);
    if (!ends) return;
    hasContent = false;
    line++;
  };
  return {
    push(whole) {
      const chunk = held === null ? whole : Buffer.concat([held, whole]);
      held = null;
      let start = 0;
      for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, start)) {
        part(chunk.subarray(start, chunk[end - 1] === CR && end > start ? end - 1 : end), true);
        start = end + 1;
      }
      // A CR may be the first half of a line end.
      const rest = chunk.at(-1) === CR ? chunk.length - 1 : chunk.length;
      if (rest < chunk.length && start <= rest) held = chunk.subarray(rest);
      if (start < rest) part(chunk.subarray(start, rest), false);
    },
    end() {
      if (hasContent) take(Buffer.alloc(0), true, line);
      return problem;
    },
  };
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === CR;
}
