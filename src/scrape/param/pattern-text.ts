/** A pattern, character by character, and how far it is read. */
export interface Cursor {
  readonly text: readonly string[];
  at: number;
}

export class Refused extends Error {
  readonly hint: string;
  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

export function refuse(message: string, hint: string): never {
  throw new Refused(message, hint);
}

const DIGIT = "\\p{Nd}";
const WORD = "\\p{L}\\p{N}_";
const SPACE = "\\t-\\r\\u{1c}-\\u{20}\\u{85}\\u{a0}\\u{1680}\\u{2000}-\\u{200a}\\u{2028}\\u{2029}\\u{202f}\\u{205f}\\u{3000}";
/** What `\d` and the others stand for: Unicode's, as in Python. */
export const classes: Readonly<Record<string, string>> = {
  d: `[${DIGIT}]`,
  w: `[${WORD}]`,
  s: `[${SPACE}]`,
  D: `[^${DIGIT}]`,
  W: `[^${WORD}]`,
  S: `[^${SPACE}]`,
};
const controls: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r", f: "\f", v: "\v" };

/** What one escape stands for, a character. */
export function escaped(cursor: Cursor): string {
  const character = cursor.text[cursor.at++] ?? "";
  const control = controls[character];
  if (control !== undefined) return control;
  if (character === "x" || character === "u") {
    const length = character === "x" ? 2 : 4;
    const digits = cursor.text.slice(cursor.at, cursor.at + length).join("");
    cursor.at += length;
    if (!new RegExp(`^[0-9A-Fa-f]{${length}}$`).test(digits))
      refuse(`has \\${character} without ${length} digits`, `Write \`\\${character}${"0".repeat(length)}\`.`);
    const code = Number.parseInt(digits, 16);
    if (code >= 0xd800 && code <= 0xdfff) refuse("has half a character", "Write the character itself.");
    return String.fromCodePoint(code);
  }
  if (/^[!-/:-@[-`{-~ ]$/.test(character)) return character;
  return refuse(
    `has \\${character}`,
    hints[character] ?? "Python or JavaScript does not know it, or they read it differently: write the character itself.",
  );
}

const hints: Readonly<Record<string, string>> = {
  "": "Write `\\\\` for a backslash.",
  A: "Write `^`.",
  Z: "Write `$`.",
  z: "Write `$`.",
  b: "Write the characters that may stand there, such as [^A-Za-z].",
  B: "Write the characters that may stand there, such as [A-Za-z].",
  p: "Write the characters in brackets.",
  P: "Write the characters in brackets.",
  k: "Back references are not taken.",
  U: "Write the character itself.",
};

/** A character that stands for itself, wherever it is put. */
export function literal(character: string): string {
  return /^[A-Za-z0-9]$/.test(character) ? character : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
