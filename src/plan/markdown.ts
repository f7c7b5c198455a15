/**
 * The one place where text of users becomes Markdown, HTML, Mermaid or a line of a log: nothing else in this room escapes.
 * Whatever the text is, it stays text: it cannot leave its code span, its table cell or its fence, mention anyone, link anywhere,
 * end an HTML comment, or be taken for a command by the runner of GitHub's actions.
 */

/** Text on one line as a code span: in prose, in a list, in a table's cell. Cut to `longest` characters. */
export function code(text: string, longest = 100): string {
  const shown = oneLine(text, longest);
  if (/^[\w .,:;/=+@*{}()[\]%"'?!#~^&-]+$/.test(shown) && shown.trim() === shown) return `\`${shown}\``;
  return referenced(shown, /[^A-Za-z0-9 ,/+=]/gu);
}

/** The same inside HTML such as `<summary>`, where Markdown's code spans are none. */
export function htmlCode(text: string, longest = 100): string {
  return referenced(oneLine(text, longest), /[^\w ,/+=.-]/gu);
}

/** Several texts as code spans, the first `most` of them, and how many more there are. */
export function codes(texts: readonly string[], most = 10, longest = 60): string {
  const shown = texts.slice(0, most).map((text) => code(text, longest));
  return texts.length > most ? `${shown.join(", ")} and ${texts.length - most} more` : shown.join(", ");
}

/** Text of several lines in a fence that is longer than any run of backticks in it. `language` is ours. */
export function fenced(text: string, language: "diff" | "sql" | "text"): string {
  const safe = defused(text.replaceAll(/\r\n?/g, "\n"));
  const longestRun = Math.max(2, ...[...safe.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longestRun + 1);
  return `${fence}${language}\n${safe}${safe.endsWith("\n") ? "" : "\n"}${fence}`;
}

/** A graph in Mermaid's language, in which every text of users went through `mermaidText`. */
export function mermaidFence(graph: string): string {
  return `\`\`\`mermaid\n${graph}\n\`\`\``;
}

/** Text of a Mermaid label, to stand between double quotes. */
export function mermaidText(text: string): string {
  return oneLine(text, 60).replace(/[^A-Za-z0-9 _]/gu, (character) => `#${character.codePointAt(0)};`);
}

/** The longest note of a plan: what to do about it stands at its end, behind names of up to 200 characters each. */
export const NOTE = 1500;

/** Text on one line of a terminal or a log. */
export function plain(text: string, longest = 200): string {
  return oneLine(text, longest);
}

/** Text of several lines for a terminal or a log, each line after `indent`. */
export function plainLines(text: string, indent: string): string {
  return defused(text)
    .split("\n")
    .map((line) => `${indent}${line}`)
    .join("\n");
}

function oneLine(text: string, longest: number): string {
  const characters = [...text.slice(0, longest * 4)];
  const cut = characters.length > longest || text.length > longest * 4 ? `${characters.slice(0, longest - 1).join("")}…` : text;
  const shown = defused(cut).replaceAll("\n", "\\n").replaceAll("\t", "\\t");
  return shown.trim() === "" ? JSON.stringify(shown) : shown;
}

/**
 * Without what acts on whoever shows it: control characters (a terminal's), those that turn the direction of writing (a reader's),
 * the runner's commands, and the ends of HTML comments, between which our own marker stands.
 */
function defused(text: string): string {
  return (
    text
      .toWellFormed()
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
      .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, escaped)
      .replace(/^([^\S\n]*[+-]?[^\S\n]*:)(?=:)/gm, `$1${BREAK}`)
      .replaceAll("##[", `##${BREAK}[`)
      .replaceAll("<!--", `<${BREAK}!--`)
      .replaceAll("-->", `--${BREAK}>`)
      .replaceAll("--!>", `--${BREAK}!>`)
  );
}

/** ZERO WIDTH SPACE: parts what must not be read as one, and shows nothing. */
const BREAK = "\u200b";

function escaped(character: string): string {
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;
}

/** Character references have no meaning but the character's, in Markdown and in HTML; and GitHub mentions nobody in <code>. */
function referenced(text: string, special: RegExp): string {
  return `<code>${text.replace(special, (character) => (isPlain(character) ? character : reference(character)))}</code>`;
}

/** Letters and signs beyond ASCII mean nothing in Markdown. */
function isPlain(character: string): boolean {
  return (character.codePointAt(0) ?? 0) > 0x9f;
}

function reference(character: string): string {
  return `&#${character.codePointAt(0)};`;
}
