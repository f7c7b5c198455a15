/*
 * The offsets of time zones, remembered by year: asking Node for one takes microseconds, and a plan of a thousand DAGs asks a million times.
 * Moments are in milliseconds since 1970-01-01T00:00Z, offsets in milliseconds ahead of UTC.
 */

/** A change of a zone's offset, and the offsets before and from then on. */
export interface OffsetChange {
  readonly at: number;
  readonly before: number;
  readonly after: number;
}

export function offsetAt(instant: number, zone: string): number {
  // The zone of most DAGs; the others cost 20 ms to load.
  if (zone === "UTC") return 0;
  const { offset, changes } = yearOf(new Date(instant).getUTCFullYear(), zone);
  return changes.findLast(({ at }) => at <= instant)?.after ?? offset;
}

/** The changes in the year of an instant (in UTC), the year before and the one after. */
export function changesAround(instant: number, zone: string): readonly OffsetChange[] {
  if (zone === "UTC") return [];
  const year = new Date(instant).getUTCFullYear();
  return [year - 1, year, year + 1].flatMap((one) => yearOf(one, zone).changes);
}

interface Year {
  /** At its start. */
  readonly offset: number;
  readonly changes: readonly OffsetChange[];
}

const known = new Map<string, Map<number, Year>>();

function yearOf(year: number, zone: string): Year {
  const years = known.get(zone) ?? new Map<number, Year>();
  const found = years.get(year) ?? readYear(year, zone);
  known.set(zone, years.set(year, found));
  return found;
}

/** The offsets at the ends of a week tell whether there is a change in it: no zone changes back within one. */
function readYear(year: number, zone: string): Year {
  const [first, end] = [Date.UTC(year, 0), Date.UTC(year + 1, 0)];
  const changes: OffsetChange[] = [];
  // From a second before: a change at the very start of a year is that year's.
  const offset = offsetOf(first - 1000, zone);
  for (let [from, before] = [first - 1000, offset]; from < end - 1000; ) {
    const to = Math.min(from + WEEK, end - 1000);
    const after = offsetOf(to, zone);
    if (after !== before) changes.push({ at: changeBetween(from, to, before, zone), before, after });
    [from, before] = [to, after];
  }
  return { offset, changes };
}

const WEEK = 7 * 86_400_000;

/** To the second. */
function changeBetween(from: number, to: number, before: number, zone: string): number {
  let [low, high] = [from, to];
  while (high - low > 1000) {
    const middle = low + Math.floor((high - low) / 2000) * 1000;
    if (offsetOf(middle, zone) === before) low = middle;
    else high = middle;
  }
  return high;
}

function offsetOf(instant: number, zone: string): number {
  const [month = 1, day = 1, year = 1970, hour = 0, minute = 0, second = 0] = formatter(zone).format(instant).split(/\D+/).map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second) - instant;
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(zone: string): Intl.DateTimeFormat {
  let found = formatters.get(zone);
  if (found === undefined) {
    const fields = { year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" } as const;
    found = new Intl.DateTimeFormat("en-US", { timeZone: zone, hourCycle: "h23", ...fields });
    formatters.set(zone, found);
  }
  return found;
}
