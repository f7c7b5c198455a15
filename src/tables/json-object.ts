import { quotedCell } from "./csv-line.ts";

type Fail = (problem: string, column: number) => Error;

/** The keys of the object before, each with its text up to the value: those of the next one mostly stand there alike, and need no reading. */
export type KnownKeys = { readonly key: string; readonly text: string }[];

/**
 * Reads one JSON object (RFC 8259), of which each character stands for a byte of UTF-8. Hands over every key with its value as a cell of CSV:
 * the digits of a number as they are, a text or nested value in quotes, nothing for null. `fail` makes what is thrown for anything else;
 * columns start at 1. JSON.parse would round the numbers.
 */
export function readObject(text: string, known: KnownKeys, take: (key: string, cell: string) => void, fail: Fail): void {
  let at = 0;
  const skipBlanks = (): void => {
    for (let code = text.charCodeAt(at); code === 0x20 || code === 0x09 || code === 0x0d; code = text.charCodeAt(at)) at++;
  };
  const expect = (character: string): void => {
    skipBlanks();
    if (text[at] !== character) throw fail(found(text[at], `\`${character}\` is expected`), at + 1);
    at++;
  };
  /** The text behind the quote at `at`, decoded; `at` is behind its end. */
  const string = (): string => {
    const start = at + 1;
    at = endOfString(text, at, fail);
    const raw = text.slice(start, at - 1);
    return raw.includes("\\") ? unescaped(raw, start, fail) : raw;
  };
  const value = (): string => {
    switch (text[at]) {
      case '"': {
        const start = at;
        const decoded = string();
        // Without escapes there are no quotes in it, and it stands as it does in CSV.
        return at - start === decoded.length + 2 ? text.slice(start, at) : quotedCell(decoded);
      }
      case "{":
      case "[": {
        const start = at;
        at = endOfNested(text, at, fail);
        return quotedCell(checked(text.slice(start, at), start, fail));
      }
      default: {
        scalar.lastIndex = at;
        if (!scalar.test(text)) throw fail(found(text[at], "a value is expected"), at + 1);
        const word = text.slice(at, scalar.lastIndex);
        at = scalar.lastIndex;
        return word === "null" ? "" : word;
      }
    }
  };

  expect("{");
  skipBlanks();
  if (text[at] === "}") at++;
  else {
    let index = 0;
    do {
      skipBlanks();
      const alike = known[index];
      if (alike !== undefined && text.startsWith(alike.text, at)) {
        at += alike.text.length;
        take(alike.key, value());
      } else {
        const start = at;
        if (text[at] !== '"') throw fail(found(text[at], "a key in quotes is expected"), at + 1);
        const key = string();
        expect(":");
        skipBlanks();
        known[index] = { key, text: text.slice(start, at) };
        take(key, value());
      }
      index++;
      skipBlanks();
    } while (text[at++] === ",");
    if (text[at - 1] !== "}") throw fail(found(text[at - 1], "`,` or `}` is expected"), at);
  }
  skipBlanks();
  if (at < text.length) throw fail("text after the object", at + 1);
}

/** A whole number or word: what follows must end it. */
const scalar = /(?:true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?=[\s,}\]]|$)/y;

function found(character: string | undefined, expected: string): string {
  return character === undefined ? `the line ends where ${expected}` : expected;
}

/** The offset behind the quote that ends the text which begins at `start`. */
function endOfString(text: string, start: number, fail: Fail): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text[end - 1 - slashes] === "\\") slashes++;
    if (slashes % 2 === 0) return end + 1;
  }
  throw fail("a text without an end", start + 1);
}

function endOfNested(text: string, start: number, fail: Fail): number {
  let depth = 0;
  for (let at = start; at < text.length; ) {
    const character = text[at];
    if (character === '"') at = endOfString(text, at, fail);
    else {
      at++;
      if (character === "{" || character === "[") depth++;
      if ((character === "}" || character === "]") && --depth === 0) return at;
    }
  }
  throw fail("a list or object without an end", start + 1);
}

function checked(nested: string, start: number, fail: Fail): string {
  try {
    JSON.parse(nested);
    return nested;
  } catch (error) {
    throw fail(error instanceof Error ? error.message : String(error), start + 1);
  }
}

const escapes = /\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[\s\S])/g;

function unescaped(raw: string, start: number, fail: Fail): string {
  return raw.replace(escapes, (code, offset: number) => {
    let decoded: string;
    try {
      decoded = JSON.parse(`"${code}"`) as string;
    } catch {
      throw fail(`${code.slice(0, 6)} is no escape`, start + offset + 1);
    }
    return decoded.isWellFormed() ? Buffer.from(decoded).toString("latin1") : halfCharacter(decoded.charCodeAt(0));
  });
}

/** Half of a surrogate pair has no UTF-8: the three bytes that it would have are refused as what they are, no text. */
function halfCharacter(code: number): string {
  return String.fromCharCode(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f));
}
