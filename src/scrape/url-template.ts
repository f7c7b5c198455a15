import { UserError } from "../errors.ts";

/** Variables that every run has: the start of its data interval, or the month of `each_month`. */
export const timeVariables = ["year", "month", "day", "hour", "date"] as const;

export type TemplateValue = string | number | boolean;

const VARIABLE = /\{([A-Za-z_][A-Za-z0-9_]{0,99})\}/g;

/** The names of a template's `{name}` variables, each once. Throws a UserError for a brace that is not part of one. */
export function templateVariables(template: string): string[] {
  const rest = template.replace(VARIABLE, "");
  const brace = /[{}][^{}]{0,20}/.exec(rest);
  if (brace !== null) {
    throw new UserError(`a brace that is not part of a variable: ${JSON.stringify(brace[0])}`, {
      hint: "A variable is {name}: letters, digits and underscores in one pair of braces.",
    });
  }
  return [...new Set([...template.matchAll(VARIABLE)].map((match) => match[1] ?? ""))];
}

/** Fills a URL template; each value is percent-encoded, so it can never change the URL's structure. Throws a UserError for a missing variable. */
export function fillTemplate(template: string, variables: Readonly<Record<string, TemplateValue>>): string {
  return fill(template, variables, (name, value) => {
    if (value === "." || value === "..") throw new UserError(`{${name}} is ${JSON.stringify(value)}, which would change the URL's path`);
    if (!value.isWellFormed()) throw new UserError(`{${name}} is not well-formed text`);
    return encodeURIComponent(value);
  });
}

/**
 * Fills a `slice` template; values are letters, digits, `.`, `_` and `-` only. Throws a UserError otherwise, for a missing variable, and for
 * a value that could be read as two: `a-b` and `c` in `{x}-{y}` are the same text as `a` and `b-c`.
 */
export function fillSlice(template: string, variables: Readonly<Record<string, TemplateValue>>): string {
  for (const { name, end } of endedValues(template)) {
    const value = Object.hasOwn(variables, name) ? String(variables[name]) : "";
    if (!value.includes(end)) continue;
    throw new UserError(`{${name}} of the slice is ${JSON.stringify(value.slice(0, 60))}, and \`${end}\` stands after it in ${template}`, {
      hint: `Another pair of values would have the same slice. Write another character after {${name}}: one that no value has.`,
    });
  }
  return fill(template, variables, (name, value) => {
    if (/^[A-Za-z0-9._-]{1,200}$/.test(value)) return value;
    throw new UserError(`{${name}} of the slice is ${JSON.stringify(value.slice(0, 60))}`, {
      hint: "A slice is made of letters, digits, dots, underscores and hyphens.",
    });
  });
}

/** The variables of a slice that are not of time, but for the last: each ends at the character that follows it. */
function endedValues(template: string): { name: string; end: string }[] {
  const values = [...template.matchAll(VARIABLE)].filter(([, name = ""]) => !(timeVariables as readonly string[]).includes(name));
  return values.slice(0, -1).flatMap(({ 0: text, 1: name = "", index }) => {
    const end = template[index + text.length] ?? "{";
    return end === "{" ? [] : [{ name, end }];
  });
}

function fill(
  template: string,
  variables: Readonly<Record<string, TemplateValue>>,
  encode: (name: string, value: string) => string,
): string {
  templateVariables(template);
  return template.replace(VARIABLE, (_, name: string) => {
    const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
    if (value === undefined) throw new UserError(`nothing is known for {${name}} in ${JSON.stringify(template.slice(0, 200))}`);
    return encode(name, String(value));
  });
}

/** Why a URL template is not safe, or null. Only https (http to this machine itself), no credentials, nothing variable before the path. */
export function checkUrlTemplate(template: string): { message: string; hint: string } | null {
  const match = /^(https?):\/\/([^/?#]*)/i.exec(template);
  if (match === null || match[2] === "")
    return { message: "the URL does not begin with https://", hint: "Write the whole URL: https://host/path." };
  const [, scheme = "", authority = ""] = match;
  if (/[{}]/.test(authority))
    return { message: "a variable stands in the URL's host", hint: "Write the host out; variables belong in the path or the query." };
  if (authority.includes("@"))
    return { message: "the URL holds credentials", hint: "Never put a secret in a DAG file: Git keeps it forever." };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u0020\u007f\\]/.test(template))
    return { message: "the URL holds a space, a control character or a backslash", hint: "Percent-encode it: %20." };
  const url = URL.parse(template.replace(VARIABLE, "x"));
  if (url === null || url.hostname === "") return { message: "not a URL", hint: "Write https://host/path." };
  if (scheme.toLowerCase() === "http" && !/^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(url.hostname)) {
    return { message: "the URL is http, which anyone on the way can read and change", hint: "Use https; http is for this machine itself." };
  }
  return null;
}
