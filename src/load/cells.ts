import type { FieldType } from "../scrape/model.ts";
import { textFormOf } from "./text-forms.ts";

/** Judges the bytes `from` … `to` of a value that is not null; quotes around it are left out. */
export type CellCheck = (bytes: Buffer, from: number, to: number) => boolean;

/** Whether a value has the text form of its type; null when every text has. The usual forms are told in nanoseconds, the others by the pattern. */
export function cellCheckOf(type: FieldType): CellCheck | null {
  const form = textFormOf(type);
  if (form === null) return null;
  const usual = usualForm(type.name);
  const pattern = new RegExp(form.pattern);
  return (bytes, from, to) => usual(bytes, from, to) || pattern.test(bytes.toString("latin1", from, to));
}

function usualForm(name: FieldType["name"]): CellCheck {
  switch (name) {
    case "INTEGER":
    case "BIGINT":
      return isInteger;
    case "NUMERIC":
    case "FLOAT":
      return isDecimal;
    case "DATE":
      return (bytes, from, to) => to - from === 10 && isDay(bytes, from);
    case "TIMESTAMP":
    case "TIMESTAMPTZ":
      return isMoment;
    default:
      return () => false;
  }
}

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;

function isInteger(bytes: Buffer, from: number, to: number): boolean {
  let at = bytes[from] === 0x2d ? from + 1 : from;
  if (at === to) return false;
  for (; at < to; at++) if (!isDigit(bytes[at])) return false;
  return true;
}

/** `-12`, `12.5`. */
function isDecimal(bytes: Buffer, from: number, to: number): boolean {
  let at = bytes[from] === 0x2d ? from + 1 : from;
  if (!isDigit(bytes[at])) return false;
  while (at < to && isDigit(bytes[at])) at++;
  if (at < to && bytes[at] === 0x2e) at++;
  while (at < to && isDigit(bytes[at])) at++;
  return at === to;
}

/** `2023-01-31`. */
function isDay(bytes: Buffer, from: number): boolean {
  for (let at = 0; at < 10; at++) {
    const byte = bytes[from + at];
    if (at === 4 || at === 7 ? byte !== 0x2d : !isDigit(byte)) return false;
  }
  return true;
}

/** `2023-01-31 03:04:05`, also with `T` and a fraction. */
function isMoment(bytes: Buffer, from: number, to: number): boolean {
  const length = to - from;
  if (length < 19 || !isDay(bytes, from)) return false;
  const between = bytes[from + 10];
  if (between !== 0x20 && between !== 0x54) return false;
  if (bytes[from + 13] !== 0x3a || bytes[from + 16] !== 0x3a) return false;
  if (twoDigits(bytes, from + 11) > 23 || twoDigits(bytes, from + 14) > 59 || twoDigits(bytes, from + 17) > 59) return false;
  if (length === 19) return true;
  if (bytes[from + 19] !== 0x2e || length === 20) return false;
  for (let at = from + 20; at < to; at++) if (!isDigit(bytes[at])) return false;
  return true;
}

/** 100 when they are no digits. */
function twoDigits(bytes: Buffer, at: number): number {
  const tens = bytes[at] ?? 0;
  const ones = bytes[at + 1] ?? 0;
  return isDigit(tens) && isDigit(ones) ? (tens - 0x30) * 10 + ones - 0x30 : 100;
}
