import type { Problem } from "./model.ts";

/** Collects the problems of one file, whose text turns offsets into lines and columns. */
export interface Report {
  readonly file: string;
  /** True when so many problems were found that further ones are left out. */
  readonly full: boolean;
  /** `at`: an offset into the file's text. */
  error(at: number, code: string, message: string, hint?: string): void;
  /** Line and column (from 1) of an offset. */
  place(at: number): { line: number; column: number };
}

/** More than a person would read; without a limit, a hostile file makes hundreds of thousands. */
const MOST = 500;

/** A report whose problems go into `problems`; two equal ones (a merged value is met twice) are kept once. */
export function reportOn(file: string, text: string, problems: Problem[]): Report {
  let starts: number[] | undefined;
  const seen = new Set<string>();
  const place = (at: number): { line: number; column: number } => {
    starts ??= lineStarts(text);
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= at) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: at - (starts[low] ?? 0) + 1 };
  };
  return {
    file,
    place,
    get full() {
      return seen.size >= MOST;
    },
    error(at, code, message, hint = "") {
      const key = `${at} ${code} ${message}`;
      if (seen.has(key) || seen.size > MOST) return;
      seen.add(key);
      if (seen.size > MOST) {
        const more = `this file has more than ${MOST} problems; the others are left out`;
        problems.push({ file, ...place(at), severity: "error", code: "too-many-problems", message: more, hint: "Mend these first." });
        return;
      }
      problems.push({ file, ...place(at), severity: "error", code, message, hint });
    },
  };
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (const match of text.matchAll(/\r\n|\n|\r/g)) starts.push(match.index + match[0].length);
  return starts;
}

/** By file, then line, then column: the order in which a person mends them. */
export function sortProblems(problems: Problem[]): Problem[] {
  return problems.sort(
    (a, b) => compare(a.file, b.file) || a.line - b.line || a.column - b.column || compare(a.code, b.code) || compare(a.message, b.message),
  );
}

/** By code unit, not by locale: the same on every machine. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
