import { readSet } from "./pattern-set.ts";
import { classes, escaped, literal, Refused, refuse } from "./pattern-text.ts";

/** A pattern that Python's `re` and this file read alike, as an expression of JavaScript (flag `v`) that matches what Python's does. */
export interface ReadPattern {
  readonly source: string;
}

export interface PatternProblem {
  /** In words that follow "the pattern". */
  readonly message: string;
  readonly hint: string;
}

/**
 * Translates a pattern as Airflow's Param reads it: `re.search` without flags (https://docs.python.org/3/library/re.html#regular-expression-syntax).
 * `\d`, `\w` and `\s` are Unicode's, `$` is also before a last line break, `.` is all but `\n`. What the two read differently, what only one of
 * them reads, and what can take for ever is refused.
 */
export function readPattern(pattern: string): ReadPattern | PatternProblem {
  if (pattern.length > 200) return { message: "is longer than 200 characters", hint: "Write a plainer one." };
  try {
    const reader = new Reader([...pattern]);
    const { source } = reader.choices(false);
    if (reader.unbounded > 5)
      refuse("repeats without an end more than five times, which can take for ever", "Write {1,20} for some of them.");
    return { source };
  } catch (error) {
    if (error instanceof Refused) return { message: error.message, hint: error.hint };
    throw error;
  }
}

/** `branches`: whether it repeats or chooses, so that a repetition of it could try each text in many ways. */
interface Part {
  readonly source: string;
  readonly branches: boolean;
}

class Reader {
  unbounded = 0;
  at = 0;
  readonly text: readonly string[];

  constructor(text: readonly string[]) {
    this.text = text;
  }

  /** Alternatives up to the end, or to the parenthesis that closes the group. */
  choices(inGroup: boolean): Part {
    const parts: Part[] = [];
    let chooses = false;
    for (;;) {
      const character = this.text[this.at];
      if (character === undefined) {
        if (inGroup) refuse("opens a group that it does not close", "Write `\\(` for a parenthesis.");
        break;
      }
      if (character === ")") {
        if (!inGroup) refuse("closes a group that it did not open", "Write `\\)` for a parenthesis.");
        this.at++;
        break;
      }
      if (character === "|") {
        this.at++;
        chooses = true;
        parts.push({ source: "|", branches: false });
      } else parts.push(this.repeated());
    }
    return { source: parts.map(({ source }) => source).join(""), branches: chooses || parts.some(({ branches }) => branches) };
  }

  private repeated(): Part {
    const isAnchor = this.text[this.at] === "^" || this.text[this.at] === "$";
    const atom = this.atom();
    const count = this.count();
    if (count === null) return atom;
    if (isAnchor) refuse("repeats a place instead of a character", "Leave the repetition out.");
    if (count.most > 1 && atom.branches) {
      refuse("repeats a group that repeats or chooses, which can take for ever", "Write a plainer one.");
    }
    if (count.most === Number.POSITIVE_INFINITY) this.unbounded++;
    if (this.text[this.at] === "?") this.at++; // as few as possible: it finds the same
    if (/[*+?{]/.test(this.text[this.at] ?? ""))
      refuse("has two repetitions in a row", "Write one, or `\\` in front of what stands for itself.");
    return { source: `${atom.source}${count.source}`, branches: true };
  }

  private count(): { source: string; most: number } | null {
    const character = this.text[this.at] ?? "";
    if (character !== "" && "*+?".includes(character)) {
      this.at++;
      return { source: character, most: character === "?" ? 1 : Number.POSITIVE_INFINITY };
    }
    if (character !== "{") return null;
    const end = this.text.indexOf("}", this.at);
    const [written, low = "", comma, high = ""] = /^\{(\d{1,4})(,(\d{0,4}))?\}$/.exec(this.text.slice(this.at, end + 1).join("")) ?? [];
    if (end < 0 || written === undefined) refuse("has a brace that is no repetition", "Write `\\{` for a brace, `{0,5}` for up to five.");
    const most = comma === undefined ? Number(low) : high === "" ? Number.POSITIVE_INFINITY : Number(high);
    if (Number(low) > most || Number(low) > 1000 || (most > 1000 && high !== ""))
      refuse(`has ${written}`, "Counts go up to 1000, and from the smaller one on.");
    this.at = end + 1;
    return { source: written, most };
  }

  private atom(): Part {
    const character = this.text[this.at++] ?? "";
    if (character === "(") return this.group();
    return { source: this.character(character), branches: false };
  }

  private group(): Part {
    if (this.text[this.at] !== "?") return this.grouped();
    if (this.text[this.at + 1] !== ":") {
      refuse("uses look-around, a named group, a flag or a comment", "Groups are ( ) and (?: ); write `[Aa]` for letters of either case.");
    }
    this.at += 2;
    return this.grouped();
  }

  private grouped(): Part {
    const { source, branches } = this.choices(true);
    return { source: `(?:${source})`, branches };
  }

  private character(character: string): string {
    switch (character) {
      case ".":
        return "[^\\n]";
      case "^":
        return "^";
      case "$":
        return "(?=\\n?$)";
      case "[":
        return readSet(this);
      case "\\":
        return this.escape();
      case "*":
      case "+":
      case "?":
      case "{":
        return refuse(`repeats nothing with ${character}`, `Write \`\\${character}\` for the character itself.`);
      case "}":
      case "]":
        return refuse(`has a ${character} that closes nothing`, `Write \`\\${character}\`.`);
      default:
        return literal(character);
    }
  }

  private escape(): string {
    const character = this.text[this.at] ?? "";
    const set = classes[character];
    if (set === undefined) return literal(escaped(this));
    this.at++;
    return set;
  }
}
