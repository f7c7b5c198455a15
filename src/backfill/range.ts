import { nextPeriod, type Period, periodOf, wallTime } from "../time/period.ts";
import { firstInstant, instantOf } from "../time/zone.ts";
import type { BackfillRequest, Every } from "./request.ts";

/** The first and the last instant of a range, in `zone`. A time that comes twice counts both times. */
export function boundsOf({ from, to }: Pick<BackfillRequest, "from" | "to">, zone: string): { from: Date; to: Date } {
  const last = to.includes("T") ? instantOf(wallTime(to), zone, "second") : periodOf(to, zone).end.getTime() - 1;
  return { from: new Date(firstInstant(wallTime(from), zone)), to: new Date(last) };
}

/** What one run of a DAG without a schedule is for, when the request does not say: what `from` is written in. */
export function everyOf({ from, every }: Pick<BackfillRequest, "from" | "every">): Every {
  return every ?? (from.length === 7 ? "month" : "day");
}

/** The months or days of a range, both ends included, oldest first; at most `limit` of them. */
export function periodsOf(request: Pick<BackfillRequest, "from" | "to" | "every">, zone: string, limit: number): Period[] {
  const { from, to } = request;
  const length = everyOf(request) === "month" ? 7 : 10;
  const last = lastDay(to).slice(0, length);
  const periods: Period[] = [];
  for (let name = firstDay(from).slice(0, length); name <= last && periods.length < limit; name = nextPeriod(name)) {
    periods.push(periodOf(name, zone));
  }
  return periods;
}

function firstDay(text: string): string {
  return new Date(wallTime(text)).toISOString();
}

function lastDay(text: string): string {
  return text.length === 7 ? new Date(wallTime(nextPeriod(text)) - 1).toISOString() : text;
}
