import { firstInstant } from "./zone.ts";

/** A month or a day as a clock in a time zone shows it, from its first instant to the next one's. A day that the zone skips is empty. */
export interface Period {
  /** `2023-01` or `2023-01-15`. */
  readonly name: string;
  readonly start: Date;
  readonly end: Date;
}

export function periodOf(name: string, zone: string): Period {
  const start = (period: string): Date => new Date(firstInstant(wallTime(period), zone));
  return { name, start: start(name), end: start(nextPeriod(name)) };
}

/** The name of the month or day after this one. */
export function nextPeriod(name: string): string {
  const date = new Date(wallTime(name));
  if (name.length === 7) date.setUTCMonth(date.getUTCMonth() + 1);
  else date.setUTCDate(date.getUTCDate() + 1);
  return date.toISOString().slice(0, name.length);
}

/** A month, day or time of the form `2023-01`, `2023-01-15` or `2023-01-15T06:30[:00]`, where it begins, as a wall time. */
export function wallTime(text: string): number {
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = text.split(/[-T:]/).map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second);
}
