import type { BackfillRequest, Every } from "./request.ts";

/** A month or a day as a clock in a time zone shows it. `end` is the next one's start. */
export interface Period {
  /** `2023-01` or `2023-01-15`. */
  readonly name: string;
  readonly start: Date;
  readonly end: Date;
}

/** The first and the last instant of a range, in `zone`. */
export function boundsOf({ from, to }: Pick<BackfillRequest, "from" | "to">, zone: string): { from: Date; to: Date } {
  const last = to.includes("T") ? instant(parts(to), zone) : new Date(instant(next(to), zone).getTime() - 1);
  return { from: instant(parts(from), zone), to: last };
}

/** What one run of a DAG without a schedule is for, when the request does not say: what `from` is written in. */
export function everyOf({ from, every }: Pick<BackfillRequest, "from" | "every">): Every {
  return every ?? (from.length === 7 ? "month" : "day");
}

/** The months or days of a range, both ends included, oldest first; at most `limit` of them. */
export function periodsOf(request: Pick<BackfillRequest, "from" | "to" | "every">, zone: string, limit: number): Period[] {
  const length = everyOf(request) === "month" ? 7 : 10;
  const [first, last] = [nameOf(parts(request.from), length), nameOf(lastDay(request.to), length)];
  const periods: Period[] = [];
  for (let name = first; name <= last && periods.length < limit; name = nameOf(next(name), length)) {
    periods.push({ name, start: instant(parts(name), zone), end: instant(next(name), zone) });
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

/** The instant at which a clock in `zone` shows this. Where clocks are put forward, the instant of the jump. */
function instant([year, month, day, hour, minute]: Parts, zone: string): Date {
  const shown = Date.UTC(year, month - 1, day, hour, minute);
  const guess = shown - offset(new Date(shown), zone);
  // Twice, since the offset of the guess can be that of the other side of a clock change.
  return new Date(shown - offset(new Date(guess), zone));
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** How far a clock in `zone` is ahead of UTC then, in milliseconds. */
function offset(at: Date, zone: string): number {
  // The zone of most DAGs, and formatting a date is slow.
  if (zone === "UTC") return 0;
  let format = formats.get(zone);
  if (format === undefined) {
    const two = "2-digit";
    const fields = { year: "numeric", month: two, day: two, hour: two, minute: two, second: two } as const;
    format = new Intl.DateTimeFormat("en-US", { timeZone: zone, hourCycle: "h23", ...fields });
    formats.set(zone, format);
  }
  const found = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = found;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at.getTime() / 1000) * 1000;
}
