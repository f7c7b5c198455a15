/** One of the five fields of a cron expression: its place, its numbers, and the names that stand for them. */
export interface FieldKind {
  readonly name: string;
  readonly low: number;
  readonly high: number;
  /** From `low` on, in lower case. */
  readonly names: readonly string[];
}

export interface CronField {
  /** The numbers that it names, ascending; Sunday is 0. */
  readonly values: readonly number[];
  /** Written as `*`: it restricts nothing. */
  readonly isStar: boolean;
  readonly isFull: boolean;
}

export interface Refusal {
  readonly message: string;
  readonly hint: string;
}

export const fieldKinds = {
  minute: { name: "minute", low: 0, high: 59, names: [] },
  hour: { name: "hour", low: 0, high: 23, names: [] },
  day: { name: "day of the month", low: 1, high: 31, names: [] },
  month: {
    name: "month",
    low: 1,
    high: 12,
    names: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
  },
  weekday: { name: "day of the week", low: 0, high: 6, names: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] },
} as const satisfies Record<string, FieldKind>;

/**
 * Reads `*`, `5`, `MON`, `1-5`, `*\/15`, `10-50/10` and lists of these. What croniter and other crons read in different ways, or only some of
 * them read at all, is refused (croniter 7, `_expand`): a range that wraps around or is of one value, `5/10`, a step beyond its range.
 */
export function parseField(text: string, kind: FieldKind): CronField | Refusal {
  const parts = text.split(",");
  const values = new Set<number>();
  for (const part of parts) {
    const read =
      part === "*" && parts.length > 1 ? refuse(text, kind, "`*` beside other values", `Write \`*\` alone.`) : parsePart(part, kind);
    if ("message" in read) return read;
    for (const value of read) values.add(value);
  }
  return { values: [...values].sort((a, b) => a - b), isStar: text === "*", isFull: values.size === kind.high - kind.low + 1 };
}

/** The number that a digit or a name stands for; Sunday as 7, where it is one; null: none. */
export function numberOf(text: string, kind: FieldKind): number | null {
  const index = kind.names.indexOf(text.toLowerCase());
  if (index >= 0) return index + kind.low;
  if (!/^\d{1,2}$/.test(text)) return null;
  const value = Number(text);
  return value >= kind.low && value <= (isWeekday(kind) ? 7 : kind.high) ? value : null;
}

function parsePart(part: string, kind: FieldKind): readonly number[] | Refusal {
  const match = /^(?:(\*)|([0-9A-Za-z]+)(?:-([0-9A-Za-z]+))?)(?:\/(\d{1,4}))?$/.exec(part);
  if (match === null) return refuse(part, kind, "not a cron field", formOf(kind));
  const [, star, first = "", last, stepText] = match;
  const step = Number(stepText ?? 1);
  if (step === 0) return refuse(part, kind, "a step of 0", "A step is at least 1.");
  if (star !== undefined) return steps(part, kind, kind.low, kind.high, step);
  const from = numberOf(first, kind);
  const to = last === undefined ? from : numberOf(last, kind);
  if (from === null || to === null) {
    return refuse(from === null ? first : (last ?? ""), kind, `not ${kind.name === "hour" ? "an" : "a"} ${kind.name}`, formOf(kind));
  }
  if (last === undefined) {
    if (stepText === undefined) return [from % week(kind)];
    return refuse(part, kind, "a step without a range", `Write \`${first}-${kind.high}/${stepText}\`.`);
  }
  return parseRange(part, kind, [from, to], step);
}

function parseRange(part: string, kind: FieldKind, [from, to]: readonly [number, number], step: number): readonly number[] | Refusal {
  // Sunday ends a week as well as it begins one: SAT-SUN, 1-7.
  const last = isWeekday(kind) && to === 0 && from > 0 ? 7 : to;
  if (from === last || (from === 0 && last === 7)) {
    const meant = from === last ? `\`${part.split("-")[0]}\`` : "`*`";
    return refuse(part, kind, "a range from a value to itself, which is every value for Airflow and one for others", `Write ${meant}.`);
  }
  if (from < last && last <= kind.high) return steps(part, kind, from, last, step);
  const wrapped: number[] = [];
  for (let value = from; value <= last + (last < from ? size(kind) : 0); value += step) {
    wrapped.push(kind.low + ((value - kind.low) % size(kind)));
  }
  if (from < last && step === 1) return wrapped;
  const [first = "", end = ""] = part.split("-");
  const written =
    step === 1 && kind.high - from > 0 && last > kind.low && !isWeekday(kind)
      ? `${first}-${kind.high},${kind.low}-${end}`
      : listOf(wrapped, part, kind);
  return refuse(part, kind, "a range that goes past the end and on from the start", `Write \`${written}\`.`);
}

function steps(part: string, kind: FieldKind, from: number, to: number, step: number): readonly number[] | Refusal {
  if (step > to - from) return refuse(part, kind, "a step that is longer than its range", `Write \`${listOf([from], part, kind)}\`.`);
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => from + index * step);
}

/** In names where the author wrote names. */
function listOf(values: readonly number[], part: string, kind: FieldKind): string {
  const named = /[A-Za-z]/.test(part);
  return [...new Set(values)].map((value) => (named ? (kind.names[value - kind.low] ?? "").toUpperCase() : String(value))).join(",");
}

function refuse(text: string, kind: FieldKind, why: string, hint: string): Refusal {
  return { message: `${JSON.stringify(text.slice(0, 40))}, as the ${kind.name}, is ${why}`, hint };
}

function formOf({ low, high, names }: FieldKind): string {
  const named = names.length === 0 ? "" : `, or ${names.map((name) => name.toUpperCase()).join(", ")}`;
  return `Numbers from ${low} to ${high}${named}; \`*\`, ranges, steps and lists of these.`;
}

function isWeekday(kind: FieldKind): boolean {
  return kind.name === fieldKinds.weekday.name;
}

function size({ low, high }: FieldKind): number {
  return high - low + 1;
}

/** Sunday is 7 as well as 0. */
function week(kind: FieldKind): number {
  return isWeekday(kind) ? 7 : Number.POSITIVE_INFINITY;
}
