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
  if (year < 1900 || date.getUTCFullYear() !== year || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) {
    return "is not a day of the calendar";
  }
  return hour < 24 && minute < 60 && second < 60 ? null : "is not a time of day";
}

let zones: Set<string> | undefined;
const checkedZones = new Map<string, boolean>();

/** Whether it is an IANA time zone in its own spelling, as Python's zoneinfo wants it. */
export function isTimeZone(name: string): boolean {
  let known = checkedZones.get(name);
  if (known === undefined) {
    known = name === "UTC" || (/^[A-Z][A-Za-z0-9_+-]*(?:\/[A-Z][A-Za-z0-9_+-]*){0,2}$/.test(name) && intlKnows(name));
    checkedZones.set(name, known);
  }
  return known;
}

export function timeZoneHint(name: string): string {
  zones ??= new Set(["UTC", ...Intl.supportedValuesOf("timeZone")]);
  return didYouMean(name, [...zones], "Use an IANA name such as UTC or America/New_York.");
}

function intlKnows(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
