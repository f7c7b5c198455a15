/** A cron expression as the scrape stage lets it through, taken apart: which days, and which minutes of a day. Times are on the wall clock. */
export interface CronTimes {
  /** Whether it comes true on the day that begins at `midnight`: milliseconds, as if the wall clock were UTC. */
  matchesDay(midnight: number): boolean;
  /** Minutes since midnight, ascending. */
  readonly minutes: readonly number[];
  readonly everyDay: boolean;
  /** Whether it comes true in each of the 24 hours. */
  readonly everyHour: boolean;
}

const DAY = 86_400_000;

export function parseCronTimes(expression: string): CronTimes {
  const [minute = "*", hour = "*", day = "*", month = "*", weekday = "*"] = expression.split(" ");
  const hours = numbers(hour, 0, 23);
  const minutes = [...hours].sort((a, b) => a - b).flatMap((h) => [...numbers(minute, 0, 59)].sort((a, b) => a - b).map((m) => h * 60 + m));
  const months = numbers(month, 1, 12, monthNames);
  const lastDay = /^L$/i.test(day);
  const days = lastDay ? new Set<number>() : numbers(day, 1, 31);
  const onWeekday = weekdays(weekday);
  // Cron's rule: when both are restricted, either will do.
  const [anyDay, anyWeekday] = [day.startsWith("*") && days.size === 31, weekday === "*"];
  const matchesDay = (midnight: number): boolean => {
    const date = new Date(midnight);
    if (!months.has(date.getUTCMonth() + 1)) return false;
    const isDay = lastDay ? new Date(midnight + DAY).getUTCDate() === 1 : days.has(date.getUTCDate());
    if (anyDay) return onWeekday(date);
    return anyWeekday ? isDay : isDay || onWeekday(date);
  };
  return { matchesDay, minutes, everyDay: anyDay && anyWeekday && months.size === 12, everyHour: hours.size === 24 };
}

/** How many times it comes true from `from` to `to`, both included: milliseconds on the wall clock. */
export function countTimes(times: CronTimes, from: number, to: number): number {
  if (to < from) return 0;
  return countBefore(times, from, to + 1);
}

function countBefore(times: CronTimes, from: number, end: number): number {
  const [firstDay, lastDay] = [Math.floor(from / DAY), Math.floor((end - 1) / DAY)];
  const within = (day: number): number => {
    if (!times.matchesDay(day * DAY)) return 0;
    return times.minutes.filter((minute) => day * DAY + minute * 60_000 >= from && day * DAY + minute * 60_000 < end).length;
  };
  if (firstDay === lastDay) return within(firstDay);
  let days = 0;
  if (times.everyDay) days = lastDay - firstDay - 1;
  else for (let day = firstDay + 1; day < lastDay; day++) if (times.matchesDay(day * DAY)) days += 1;
  return within(firstDay) + days * times.minutes.length + within(lastDay);
}

/** The first time at or after `from`; null when there is none in 40 years. */
export function timeAtOrAfter(times: CronTimes, from: number): number | null {
  const firstDay = Math.floor(from / DAY);
  for (let day = firstDay; day < firstDay + 40 * 366; day++) {
    if (!times.matchesDay(day * DAY)) continue;
    const minute = times.minutes.find((one) => day * DAY + one * 60_000 >= from);
    if (minute !== undefined) return day * DAY + minute * 60_000;
  }
  return null;
}

/** The last time at or before `to`; null when there is none in 40 years. */
export function timeAtOrBefore(times: CronTimes, to: number): number | null {
  const lastDay = Math.floor(to / DAY);
  for (let day = lastDay; day > lastDay - 40 * 366; day--) {
    if (!times.matchesDay(day * DAY)) continue;
    const minute = times.minutes.findLast((one) => day * DAY + one * 60_000 <= to);
    if (minute !== undefined) return day * DAY + minute * 60_000;
  }
  return null;
}

const monthNames = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const weekdayNames = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/** `*`, `5`, `1-5`, `*\/15`, `10-50/10`, `MON`, and lists of these. */
function numbers(field: string, low: number, high: number, names: readonly string[] = []): Set<number> {
  const found = new Set<number>();
  const number = (text: string): number => {
    const index = names.indexOf(text.toLowerCase());
    return index < 0 ? Number(text) : index + low;
  };
  for (const part of field.split(",")) {
    const [range = "*", step = "1"] = part.split("/");
    const [from = "", to] = range.split("-");
    const first = range === "*" ? low : number(from);
    const last = range === "*" || (to === undefined && part.includes("/")) ? high : number(to ?? from);
    for (let value = first; value <= Math.min(last, high); value += Math.max(1, Number(step))) found.add(value);
  }
  return found;
}

function weekdays(field: string): (date: Date) => boolean {
  const plain = field.split(",").filter((part) => !part.includes("#"));
  // Sunday is both 0 and 7.
  const days = new Set(plain.length === 0 ? [] : [...numbers(plain.join(","), 0, 7, weekdayNames)].map((day) => day % 7));
  const nth = field.split(",").flatMap((part) => {
    const [day = "", which] = part.split("#");
    return which === undefined ? [] : [{ days: numbers(day, 0, 7, weekdayNames), which: Number(which) }];
  });
  return (date) => {
    const day = date.getUTCDay();
    if (days.has(day)) return true;
    const week = Math.ceil(date.getUTCDate() / 7);
    return nth.some((one) => one.which === week && (one.days.has(day) || (day === 0 && one.days.has(7))));
  };
}
