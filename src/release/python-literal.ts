/**
 * The one place that quotes Python. The text evaluates to the very value, whatever it holds: quotes, backslashes, braces, NUL, lone surrogates.
 * Takes strings, numbers, big integers, booleans, null, arrays and plain objects; throws on anything else.
 *
 * A line break in the text is always one between tokens, never one inside a string, so a caller may indent it. Collections and long texts
 * have one element a line, so that a diff of the rendered file reads well.
 */
export function pythonLiteral(value: unknown): string {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "string") return text(value);
  if (typeof value === "number") return number(value);
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return block("[", value.map(pythonLiteral), "]");
  if (typeof value === "object") {
    const entries = Object.entries(value).filter(([, member]) => member !== undefined);
    return block(
      "{",
      entries.map(([key, member]) => `${line(key)}: ${pythonLiteral(member)}`),
      "}",
    );
  }
  throw new TypeError(`no Python literal for a ${typeof value}`);
}

/** `open`, one element a line, `close`. The elements are Python expressions. */
export function block(open: string, elements: readonly string[], close: string): string {
  if (elements.length === 0) return `${open}${close}`;
  return `${open}\n${elements.map((element) => `${indent(element)},\n`).join("")}${close}`;
}

/** Moves Python text (whose strings hold no raw line breaks) to the right by one level. */
export function indent(python: string): string {
  return python.replace(/^(?=.)/gm, "    ");
}

/** Python's usual width; a shorter text stays on its line. */
const WIDTH = 88;

function text(value: string): string {
  const whole = line(value);
  const lines = value.split(/(?<=\n)/);
  if (whole.length <= WIDTH || lines.length === 1) return whole;
  return `(\n${lines.map((each) => `    ${line(each)}\n`).join("")})`;
}

function line(value: string): string {
  const quote = value.split('"').length > value.split("'").length ? "'" : '"';
  return `${quote}${value.replace(mustEscape, (character) => (isQuote(character) && character !== quote ? character : escaped(character)))}${quote}`;
}

/** Besides what Python needs: characters that a reviewer would not see, or that would change the direction of what follows. */
const mustEscape = /["'\\\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

const named: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\", '"': '\\"', "'": "\\'" };

function isQuote(character: string): boolean {
  return character === '"' || character === "'";
}

function escaped(character: string): string {
  const name = named[character];
  if (name !== undefined) return name;
  const hex = (character.codePointAt(0) ?? 0).toString(16);
  if (hex.length <= 2) return `\\x${hex.padStart(2, "0")}`;
  if (hex.length <= 4) return `\\u${hex.padStart(4, "0")}`;
  return `\\U${hex.padStart(8, "0")}`;
}

function number(value: number): string {
  if (Number.isNaN(value)) return 'float("nan")';
  if (!Number.isFinite(value)) return value > 0 ? 'float("inf")' : 'float("-inf")';
  // Python reads `-0` as the integer 0.
  return Object.is(value, -0) ? "-0.0" : String(value);
}
