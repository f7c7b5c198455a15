import type { Cron, DayRule } from "./cron.ts";

/*
 * When a cron expression comes true, on a wall clock: in milliseconds as if it were UTC. No zone is known here.
 * It looks 50 years ahead and back, as croniter does; what parseCron takes comes at least every 40 (a fifth Monday in February).
 */

const MINUTE = 60_000;
const DAY = 86_400_000;
const FIFTY_YEARS = 50 * 366;

/** The first time after `wall`. */
export function nextTime(cron: Cron, wall: number): number {
  const earliest = Math.floor(wall / MINUTE) + 1;
  const today = Math.floor(earliest / 1440);
  const [first = 0] = cron.minutes;
  const minute = isDay(cron, today) ? cron.minutes[countBelow(cron.minutes, earliest - today * 1440)] : undefined;
  if (minute !== undefined) return (today * 1440 + minute) * MINUTE;
  for (const day of daysBetween(cron, today + 1, today + FIFTY_YEARS)) return (day * 1440 + first) * MINUTE;
  throw new Error(`${cron.expression} does not come in the 50 years after ${wall}`);
}

/** The last time before `wall`. */
export function previousTime(cron: Cron, wall: number): number {
  const end = Math.ceil(wall / MINUTE);
  const today = Math.floor((end - 1) / 1440);
  const last = cron.minutes.at(-1) ?? 0;
  const minute = isDay(cron, today) ? cron.minutes[countBelow(cron.minutes, end - today * 1440) - 1] : undefined;
  if (minute !== undefined) return (today * 1440 + minute) * MINUTE;
  for (let span = 8; span < FIFTY_YEARS * 4; span *= 4) {
    const day = [...daysBetween(cron, today - span, today - 1)].at(-1);
    if (day !== undefined) return (day * 1440 + last) * MINUTE;
  }
  throw new Error(`${cron.expression} does not come in the 50 years before ${wall}`);
}

/** How many times it comes true after `from`, up to `to`. */
export function countTimes(cron: Cron, from: number, to: number): number {
  const [after, until] = [Math.floor(from / MINUTE), Math.floor(to / MINUTE)];
  if (until <= after) return 0;
  const [firstDay, lastDay] = [Math.floor(after / 1440), Math.floor(until / 1440)];
  const upTo = (day: number, minute: number): number => (isDay(cron, day) ? countBelow(cron.minutes, minute - day * 1440 + 1) : 0);
  let days = 0;
  if (isDaily(cron)) days = lastDay - firstDay;
  else for (const _day of daysBetween(cron, firstDay, lastDay - 1)) days++;
  return days * cron.minutes.length + upTo(lastDay, until) - upTo(firstDay, after);
}

/** Whether it comes true on every day of the year. */
export function isDaily({ day, months }: Cron): boolean {
  return day.kind === "every day" && months.length === 12;
}

/** How many of ascending numbers are below a limit. */
function countBelow(numbers: readonly number[], limit: number): number {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] ?? limit) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** `day`: days since 1970-01-01. */
function isDay(cron: Cron, day: number): boolean {
  if (isDaily(cron)) return true;
  const date = new Date(day * DAY);
  const month = date.getUTCMonth();
  const length = new Date(Date.UTC(date.getUTCFullYear(), month + 1, 0)).getUTCDate();
  return cron.months.includes(month + 1) && isOn(cron.day, date.getUTCDate(), date.getUTCDay(), length);
}

/** The days from `first` to `last` on which it comes true, as days since 1970-01-01. */
function* daysBetween({ months, day: rule }: Cron, first: number, last: number): Generator<number> {
  const date = new Date(first * DAY);
  let [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  for (let monthStart = first - date.getUTCDate() + 1; monthStart <= last; ) {
    const length = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
    if (months.includes(month + 1)) {
      for (let day = Math.max(first, monthStart); day <= Math.min(last, monthStart + length - 1); day++) {
        // The first of January 1970 was a Thursday.
        if (isOn(rule, day - monthStart + 1, (((day + 4) % 7) + 7) % 7, length)) yield day;
      }
    }
    monthStart += length;
    month = (month + 1) % 12;
    if (month === 0) year++;
  }
}

function isOn(rule: DayRule, day: number, weekday: number, length: number): boolean {
  switch (rule.kind) {
    case "every day":
      return true;
    case "days":
      return rule.days.includes(day);
    case "last day":
      return day === length;
    case "weekdays":
      return rule.weekdays.includes(weekday);
    case "either":
      return rule.days.includes(day) || rule.weekdays.includes(weekday);
    case "nth weekdays":
      return rule.nth.some((one) => one.weekday === weekday && one.week === Math.ceil(day / 7));
  }
}
