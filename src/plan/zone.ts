/** The wall clock of a time zone, as milliseconds as if it were UTC. */
export function wallClock(instant: number, timezone: string): number {
  return instant + offset(instant, timezone);
}

/** The moment when the wall clock shows this time; of the two in autumn the first, and in spring's gap the moment after it. */
export function instantOf(wall: number, timezone: string): number {
  const before = wall - offset(wall - DAY, timezone);
  if (wallClock(before, timezone) === wall) return before;
  const after = wall - offset(wall + DAY, timezone);
  return wallClock(after, timezone) === wall ? after : before;
}

const DAY = 86_400_000;

/** How far ahead of UTC the zone is, in milliseconds. */
export function offset(instant: number, timezone: string): number {
  if (timezone === "UTC") return 0;
  const parts: Record<string, number> = {};
  for (const { type, value } of formatter(timezone).formatToParts(instant)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instant / 1000) * 1000;
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(timezone: string): Intl.DateTimeFormat {
  let found = formatters.get(timezone);
  if (found === undefined) {
    found = new Intl.DateTimeFormat("en-GB", {
      timeZone: timezone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    formatters.set(timezone, found);
  }
  return found;
}
