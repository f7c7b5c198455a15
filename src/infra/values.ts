import { isObject, listOf } from "./template.ts";

/** A property's value in few words: what refers to another resource by that one's name, text as it is, anything else as JSON. */
export function valueText(value: unknown, nameOf: (id: string) => string = (id) => id): string {
  if (typeof value === "string") return value;
  if (!isObject(value)) return Array.isArray(value) ? value.map((one) => valueText(one, nameOf)).join(", ") : JSON.stringify(value);
  const [only, ...others] = Object.entries(value);
  if (only === undefined || others.length > 0) return JSON.stringify(value);
  const [name, given] = only;
  if (name === "Ref") return nameOf(String(given));
  if (name === "Fn::GetAtt") {
    const [id = "", attribute = ""] = typeof given === "string" ? given.split(".") : listOf(given).map(String);
    return attribute === "Arn" || attribute === "GroupId" ? nameOf(id) : `${nameOf(id)}.${attribute}`;
  }
  if (name === "Fn::Join") {
    const [separator, parts] = listOf(given);
    return listOf(parts)
      .map((part) => (typeof part === "string" ? part : `{${valueText(part, nameOf)}}`))
      .join(String(separator ?? ""));
  }
  if (name === "Fn::Sub") return String(listOf(given)[0] ?? "").replaceAll("${", "{");
  if (name === "Fn::ImportValue") return valueText(given, nameOf);
  return JSON.stringify(value);
}

/** The logical ids that a value refers to. */
export function referencesOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(referencesOf);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, given]) => {
    if (name === "Ref") return [String(given)];
    if (name === "Fn::GetAtt") return [typeof given === "string" ? (given.split(".")[0] ?? "") : String(listOf(given)[0] ?? "")];
    if (name === "Fn::Sub") {
      const text = String(listOf(given)[0] ?? "");
      return [...[...text.matchAll(/\$\{([A-Za-z0-9]+)/g)].map((match) => match[1] ?? ""), ...listOf(given).slice(1).flatMap(referencesOf)];
    }
    return referencesOf(given);
  });
}

/** Whether two values are the same, whatever the order of their keys. CloudFormation gives back `?` for what is not ASCII. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((one, index) => sameValue(one, b[index]));
  if (isObject(a) && isObject(b)) {
    const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...keys].every((key) => sameValue(a[key], b[key]));
  }
  if (typeof a === "string" && typeof b === "string") return a === b || ascii(a) === ascii(b);
  return a === b;
}

function ascii(text: string): string {
  return text.replace(/[^\x20-\x7e\s]/g, "?");
}
