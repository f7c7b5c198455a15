import { isTimeZone, ownSpelling } from "../time/zone-name.ts";
import { didYouMean } from "./did-you-mean.ts";

const DAY = 86_400;
const MAX_SECONDS = 366 * DAY;

/** Seconds of `90`, `"90"`, `"30s"`, `"5m"`, `"1h30m"`, `"1d"`; null for anything else, or beyond a year. */
export function parseDuration(value: string | number): number | null {
  const seconds = typeof value === "number" ? value : secondsOf(value);
  return seconds !== null && Number.isFinite(seconds) && seconds >= 0 && seconds <= MAX_SECONDS ? seconds : null;
}

function secondsOf(text: string): number | null {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  const match = /^(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9})s)?$/.exec(text);
  if (match === null || text === "") return null;
  const [, days, hours, minutes, seconds] = match;
  return Number(days ?? 0) * DAY + Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds ?? 0);
}

/** `2024-01-31` or `2024-01-31T06:30[:00]`, a real moment of the calendar; else why not. */
export function checkDateTime(text: string): string | null {
  const match = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2}))?)?$/.exec(text);
  if (match === null) {
    if (/(?:Z|[+-]\d{2}:?\d{2})$/.test(text) && text.includes("T")) return "has an offset; say the zone in `timezone` instead";
    return "is not of the form 2024-01-31 or 2024-01-31T06:30";
  }
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map((part) => Number(part ?? 0));
  const date = new Date(Date.UTC(year, month - 1, day));
  if (year < 1900 || year > 9998) return "is not in the years 1900 to 9998, which Airflow counts with in every time zone";
  if (date.getUTCFullYear() !== year || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) {
    return "is not a day of the calendar";
  }
  return hour < 24 && minute < 60 && second < 60 ? null : "is not a time of day";
}

/** What to write instead of a name that is not a time zone. */
export function timeZoneHint(name: string): string {
  const meant = ownSpelling(name);
  if (meant !== undefined && isTimeZone(meant)) return `Write it as \`${meant}\`: upper and lower case count.`;
  const names = ["UTC", ...Intl.supportedValuesOf("timeZone")].filter(isTimeZone);
  return didYouMean(name, names, "Use a name of the IANA time zone database that Airflow's Python knows too, such as America/New_York.");
}
