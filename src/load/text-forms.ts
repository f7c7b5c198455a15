import type { FieldType } from "../scrape/model.ts";
import { literal } from "./sql.ts";

/**
 * The texts that a type of field takes. PostgreSQL's own input takes more, and reads some of it as something else: `now` is another value in
 * each load, an offset in a TIMESTAMP is dropped, `1_000` and `0x1F` are numbers, `24:00` is the next day
 * (https://www.postgresql.org/docs/current/datatype-datetime.html, "Date/Time Input" and appendix B; datatype-numeric.html).
 * Whatever fits here and PostgreSQL takes as well has one meaning.
 */
export interface TextForm {
  /** Read alike by JavaScript and by PostgreSQL's `~`: brackets instead of `\d`, no flags. */
  readonly pattern: string;
  /** For people. */
  readonly takes: string;
  /** Why a text does not fit: the first pattern that it matches tells, the last one matches all. `showsValue` puts the text behind the words. */
  readonly slips: readonly { readonly pattern: string; readonly reason: string; readonly showsValue: boolean }[];
}

/** null when every text fits. */
export function textFormOf(type: FieldType): TextForm | null {
  switch (type.name) {
    case "INTEGER":
    case "BIGINT":
      return integer;
    case "NUMERIC":
    case "FLOAT":
      return number;
    case "TEXT":
    case "VARCHAR":
      return null;
    default:
      return forms[type.name];
  }
}

/** SQL that says why a text has not the form; null when it has. */
export function misfitSql(form: TextForm, value: string): string {
  const whens = form.slips.map(({ pattern, reason, showsValue }) => {
    const shown = showsValue ? ` || ' (' || left(${value}, 40) || ')'` : "";
    return `WHEN ${value} ~ ${literal(pattern)} THEN ${literal(reason)}${shown}`;
  });
  return `CASE WHEN ${value} ~ ${literal(form.pattern)} THEN NULL ${whens.join(" ")} END`;
}

const whole = (inner: string): string => `^[ \\t\\n\\r\\f\\v]*(${inner})[ \\t\\n\\r\\f\\v]*$`;
const anyCase = (word: string): string => [...word].map((letter) => `[${letter}${letter.toUpperCase()}]`).join("");
const otherwise = (reason: string) => ({ pattern: "", reason, showsValue: true });

const day = "[0-9]{4}(-[0-9]{1,2}-[0-9]{1,2}|/[0-9]{1,2}/[0-9]{1,2}|[0-9]{4})";
const time = "([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]+)?)?";
const midnight = "00:00(:00([.]0+)?)?";
const between = "([Tt]| +)";
const zone = "( *([Zz]|UTC|GMT|[+-][0-9]{1,2}(:?[0-9]{2}(:?[0-9]{2})?)?)| +[A-Za-z]+(/[A-Za-z0-9_+-]+)+)";
/** What a zone looks like when nobody asks which one. */
const anyZone = "( *[Zz+-]| +[A-Za-z]).*";

const integer: TextForm = {
  pattern: whole("[+-]?[0-9]+"),
  takes: "decimal digits with or without a sign",
  slips: [otherwise("not a whole number in decimal digits")],
};

const number: TextForm = {
  pattern: whole("[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?"),
  takes: "decimal digits with or without a sign, a point and an exponent (`-1.5e3`); NaN and Infinity are no numbers",
  slips: [
    { pattern: whole(`[+-]?${anyCase("nan")}`), reason: "not a number (NaN)", showsValue: false },
    { pattern: whole(`[+-]?${anyCase("inf")}(${anyCase("inity")})?`), reason: "not a finite number", showsValue: true },
    otherwise("not a number in decimal digits"),
  ],
};

const forms = {
  DATE: {
    pattern: whole(`${day}(${between}${midnight})?`),
    takes: "`2023-01-31`, `2023/01/31` or `20230131`, the year in four digits; no time of day but midnight, no word such as `today`",
    slips: [
      { pattern: whole(`${day}${between}${time}(${anyZone})?`), reason: "a time of day in a DATE", showsValue: true },
      otherwise("not a date such as 2023-01-31"),
    ],
  },
  TIMESTAMP: {
    pattern: whole(`${day}(${between}${time})?`),
    takes: "a DATE, alone or with a time of 00:00 to 23:59:59 (`2023-01-31 03:04:05.678`, `2023-01-31T03:04`); no offset and no zone",
    slips: [
      {
        pattern: whole(`${day}${between}${time}${anyZone}`),
        reason: "a time zone in a TIMESTAMP: make the field a TIMESTAMPTZ, or leave the zone out",
        showsValue: true,
      },
      otherwise("not a timestamp such as 2023-01-31 03:04:05"),
    ],
  },
  TIMESTAMPTZ: {
    pattern: whole(`${day}(${between}${time}${zone}?)?`),
    takes:
      "a TIMESTAMP, then `Z`, `UTC`, an offset (`+05:30`) or a zone of the tz database (`2023-01-31 03:04:05 Europe/Berlin`); without one it is UTC",
    slips: [otherwise("not a timestamp such as 2023-01-31T03:04:05+00:00")],
  },
  BOOLEAN: {
    pattern: whole([..."tfyn01", ...["true", "false", "yes", "no", "on", "off"]].map(anyCase).join("|")),
    takes: "`true`, `false`, `t`, `f`, `yes`, `no`, `y`, `n`, `on`, `off`, `1` or `0`, in any case",
    slips: [otherwise("neither true nor false")],
  },
} as const satisfies Record<string, TextForm>;
