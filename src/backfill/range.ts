import { firstInstant, instantOf } from "../time/zone.ts";
import type { BackfillRequest, Every } from "./request.ts";

/** A month or a day as a clock in a time zone shows it. `end` is the next one's start. */
export interface Period {
  /** `2023-01` or `2023-01-15`. */
  readonly name: string;
  readonly start: Date;
  readonly end: Date;
}

/** The first and the last instant of a range, in `zone`. A time that comes twice counts both times. */
export function boundsOf({ from, to }: Pick<BackfillRequest, "from" | "to">, zone: string): { from: Date; to: Date } {
  const last = to.includes("T") ? instantOf(wallOf(parts(to)), zone, "second") : startOf(next(to), zone).getTime() - 1;
  return { from: startOf(parts(from), zone), to: new Date(last) };
}

/** What one run of a DAG without a schedule is for, when the request does not say: what `from` is written in. */
export function everyOf({ from, every }: Pick<BackfillRequest, "from" | "every">): Every {
  return every ?? (from.length === 7 ? "month" : "day");
}

/** The months or days of a range, both ends included, oldest first; at most `limit` of them. A day that the zone skipped is empty. */
export function periodsOf(request: Pick<BackfillRequest, "from" | "to" | "every">, zone: string, limit: number): Period[] {
  const length = everyOf(request) === "month" ? 7 : 10;
  const [first, last] = [nameOf(parts(request.from), length), nameOf(lastDay(request.to), length)];
  const periods: Period[] = [];
  for (let name = first; name <= last && periods.length < limit; name = nameOf(next(name), length)) {
    periods.push({ name, start: startOf(parts(name), zone), end: startOf(next(name), zone) });
  }
  return periods;
}

type Parts = readonly [year: number, month: number, day: number, hour: number, minute: number];

function parts(text: string): Parts {
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0] = text.split(/[-T:]/).map(Number);
  return [year, month, day, hour, minute];
}

/** The start of the month or day after this one. */
function next(name: string): Parts {
  const [year, month, day] = parts(name);
  const date = name.length === 7 ? new Date(Date.UTC(year, month, 1)) : new Date(Date.UTC(year, month - 1, day + 1));
  return [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate(), 0, 0];
}

function lastDay(text: string): Parts {
  const [year, month] = parts(text);
  return text.length === 7 ? [year, month, new Date(Date.UTC(year, month, 0)).getUTCDate(), 0, 0] : parts(text);
}

function nameOf([year, month, day]: Parts, length: number): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}`.slice(0, length);
}

function startOf(date: Parts, zone: string): Date {
  return new Date(firstInstant(wallOf(date), zone));
}

function wallOf([year, month, day, hour, minute]: Parts): number {
  return Date.UTC(year, month - 1, day, hour, minute);
}
