import type { Problem } from "./model.ts";

/**
 * `text`: a line for each problem, its hint below it. `json`: `{"problems":[…]}`.
 * `github`: workflow commands that GitHub shows as annotations. Each ends in a newline; nothing for no problems, except in JSON.
 */
export function formatProblems(problems: readonly Problem[], format: "text" | "json" | "github"): string {
  if (format === "json") return `${JSON.stringify({ problems: problems.map(orderKeys) })}\n`;
  return problems.map(format === "github" ? workflowCommand : textLines).join("");
}

function orderKeys({ file, line, column, severity, code, message, hint }: Problem): Problem {
  return { file, line, column, severity, code, message, hint };
}

function textLines({ file, line, column, severity, code, message, hint }: Problem): string {
  const head = `${printable(file)}:${line}:${column} ${severity} ${code} ${printable(message)}\n`;
  return hint === "" ? head : `${head}  ${printable(hint)}\n`;
}

/** A file's text must not steer the terminal that it is shown on. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (character) =>
    character === "\n" ? "\\n" : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function workflowCommand({ file, line, column, severity, code, message, hint }: Problem): string {
  const body = hint === "" ? message : `${message}\n${hint}`;
  return `::${severity} file=${property(file)},line=${line},col=${column},title=${property(code)}::${data(body)}\n`;
}

/** https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts says what is escaped where. */
function data(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function property(text: string): string {
  return data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
