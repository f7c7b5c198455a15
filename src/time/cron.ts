import { type CronField, fieldKinds, numberOf, parseField, type Refusal } from "./cron-field.ts";

/** On which days of a month a cron expression comes true. */
export type DayRule =
  | { readonly kind: "every day" }
  | { readonly kind: "days"; readonly days: readonly number[] }
  | { readonly kind: "last day" }
  | { readonly kind: "weekdays"; readonly weekdays: readonly number[] }
  /** Cron's rule when both fields restrict: either will do. */
  | { readonly kind: "either"; readonly days: readonly number[]; readonly weekdays: readonly number[] }
  | { readonly kind: "nth weekdays"; readonly nth: readonly { readonly weekday: number; readonly week: number }[] };

/** A cron expression, taken apart. Times are on a wall clock. */
export interface Cron {
  /** Five fields with one blank between them. */
  readonly expression: string;
  readonly months: readonly number[];
  readonly day: DayRule;
  /** Minutes since midnight, ascending. */
  readonly minutes: readonly number[];
  /** Whether it comes true in each of the 24 hours, however that is written. Airflow counts those by elapsed time (`_covers_every_hour`). */
  readonly everyHour: boolean;
}

const form = 'Five fields: minute, hour, day of month, month, day of week, for example "0 9 29 * *".';

/**
 * Reads a cron expression of five fields, and refuses what croniter, which Airflow reads it with, takes for something else than other crons do.
 * What it lets through comes true for Airflow exactly when `cron-times.ts` says so: tests/time holds the two against each other.
 */
export function parseCron(text: string): Cron | Refusal {
  if (text.length > 200) return { message: "the cron expression is longer than 200 characters", hint: form };
  const fields = text.split(/[ \t]+/).filter((field) => field !== "");
  if (fields.length !== 5) return { message: `a cron expression has five fields, not ${fields.length}`, hint: form };
  const [minuteText = "", hourText = "", dayText = "", monthText = "", weekdayText = ""] = fields;
  const minute = parseField(minuteText, fieldKinds.minute);
  if ("message" in minute) return minute;
  const hour = parseField(hourText, fieldKinds.hour);
  if ("message" in hour) return hour;
  const month = parseField(monthText, fieldKinds.month);
  if ("message" in month) return month;
  const day = parseDays(dayText, weekdayText, month);
  if ("message" in day) return day;
  return {
    expression: fields.join(" "),
    months: month.values,
    day,
    minutes: hour.values.flatMap((h) => minute.values.map((m) => h * 60 + m)),
    everyHour: hour.isFull,
  };
}

function parseDays(dayText: string, weekdayText: string, months: CronField): DayRule | Refusal {
  const special = [dayText, weekdayText].find((text) => /[?]|(?:^|[^A-Za-z])[LWHR](?:$|[^A-Za-z])|\dW/i.test(text));
  if (special === "?") return { message: '"?" is not taken in a cron expression', hint: "Write `*`." };
  const lastDay = /^L$/i.test(dayText);
  if (special !== undefined && !(lastDay && special === dayText)) {
    return {
      message: `${JSON.stringify(special)} is not taken in a cron expression`,
      hint: "L alone, as the day of the month, is; W, H and R are not.",
    };
  }
  if (weekdayText.includes("#")) return parseNth(dayText, weekdayText);
  const weekday = parseField(weekdayText, fieldKinds.weekday);
  if ("message" in weekday) return weekday;
  if (lastDay) {
    return weekday.isFull
      ? { kind: "last day" }
      : { message: "L and a day of the week are not taken together", hint: "Write `*` for one of the two." };
  }
  const day = parseField(dayText, fieldKinds.day);
  if ("message" in day) return day;
  if (!day.isFull && !happens(day.values, months.values)) {
    return { message: `the ${dayText} of month ${months.values.join(",")} never comes`, hint: "Those months have no such day." };
  }
  return day.isFull || weekday.isFull ? oneOf(dayText, day, weekdayText, weekday) : either(dayText, day, weekdayText, weekday);
}

/** At most one of the fields restricts the days. */
function oneOf(dayText: string, day: CronField, weekdayText: string, weekday: CronField): DayRule | Refusal {
  if (day.isFull && weekday.isFull) return { kind: "every day" };
  const full = day.isFull
    ? { text: dayText, field: day, kind: fieldKinds.day }
    : { text: weekdayText, field: weekday, kind: fieldKinds.weekday };
  const other = day.isFull ? fieldKinds.weekday : fieldKinds.day;
  if (!full.field.isStar) {
    return {
      message: `${JSON.stringify(full.text)} as the ${full.kind.name} beside a ${other.name} is every day for Airflow, and only the ${other.name} for others`,
      hint: `Write \`*\` as the ${full.kind.name} for the ${other.name} alone, or as both for every day.`,
    };
  }
  return day.isFull ? { kind: "weekdays", weekdays: weekday.values } : { kind: "days", days: day.values };
}

/** Vixie's cron wants both to hold when one of the fields begins with a star, croniter never does. */
function either(dayText: string, day: CronField, weekdayText: string, weekday: CronField): DayRule | Refusal {
  for (const [text, kind] of [
    [dayText, fieldKinds.day],
    [weekdayText, fieldKinds.weekday],
  ] as const) {
    if (!text.includes("*")) continue;
    return {
      message: `${JSON.stringify(text)} as the ${kind.name} beside the other day field: Airflow runs on days that are either, others on days that are both`,
      hint: `For either, write \`${text.replaceAll("*", `${kind.low}-${kind.high}`)}\`; both can't be said.`,
    };
  }
  return { kind: "either", days: day.values, weekdays: weekday.values };
}

/** `MON#2,FRI#4`: the second Monday and the fourth Friday of a month. */
function parseNth(dayText: string, weekdayText: string): DayRule | Refusal {
  if (dayText !== "*") {
    return {
      message: "a day of the month and # together are read differently by different programs",
      hint: "Write `*` as the day of the month.",
    };
  }
  const nth: { weekday: number; week: number }[] = [];
  for (const part of weekdayText.split(",")) {
    const [, name = "", week] = /^([0-9A-Za-z]+)#([1-5])$/.exec(part) ?? [];
    const weekday = numberOf(name, fieldKinds.weekday);
    if (weekday === null) {
      return {
        message: `${JSON.stringify(part.slice(0, 40))}, as the day of the week beside #, is not taken by Airflow`,
        hint: "Write a day and 1 to 5 for each: `MON#1,FRI#3`.",
      };
    }
    nth.push({ weekday: weekday % 7, week: Number(week) });
  }
  return { kind: "nth weekdays", nth };
}

function happens(days: readonly number[], months: readonly number[]): boolean {
  const longest = Math.max(...months.map((month) => (month === 2 ? 29 : [4, 6, 9, 11].includes(month) ? 30 : 31)));
  return (days[0] ?? 1) <= longest;
}
