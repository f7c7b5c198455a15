import { Ajv, type ErrorObject } from "ajv";
import dagSchema from "../../schemas/dag.schema.json" with { type: "json" };
import { didYouMean } from "./did-you-mean.ts";
import { newSpelling } from "./old-spellings.ts";
import { toValue } from "./read-node.ts";
import type { Report } from "./report.ts";
import type { YamlMap, YamlNode } from "./yaml-node.ts";

/** Reports, in a person's words and at its place, whatever schemas/dag.schema.json does not take of the DAG at the key `id`. */
export function checkSchema(root: YamlMap, id: string, report: Report): void {
  const dag = root.entries.get(id);
  if (dag === undefined || validate({ [id]: toValue(dag.value) })) return;
  const errors = validate.errors ?? [];
  const choices = errors.filter(({ keyword }) => keyword === "anyOf");
  const isPartOfChoice = (error: ErrorObject): boolean =>
    choices.some((choice) => error.schemaPath.startsWith(`${choice.schemaPath}/`) && error.instancePath.startsWith(choice.instancePath));
  for (const error of errors) {
    if (report.full) return;
    if (!isPartOfChoice(error)) describe(error, root, report);
  }
}

const ajv = new Ajv({ allErrors: true, strict: true, strictRequired: false, allowUnionTypes: true, verbose: true });
ajv.addKeyword("errorMessage");
const validate = ajv.compile(dagSchema);

function describe(error: ErrorObject, root: YamlNode, report: Report): void {
  if (error.keyword === "propertyNames") return; // its inner error says more
  const path = error.instancePath.split("/").slice(1).map(unescapePointer);
  const found = locate(root, path);
  const name = nameOf(path);
  const wanted: unknown = error.parentSchema?.errorMessage;
  if (error.propertyName !== undefined) {
    const at = keyAt(found.node, error.propertyName) ?? found.at;
    report.error(at, "wrong-value", `\`${short(error.propertyName)}\` ${wanted ?? "is not a name"}`, "Rename it.");
    return;
  }
  if (error.keyword === "additionalProperties") {
    reportUnknownKey(String(error.params.additionalProperty), error, found.node, path, report);
    return;
  }
  if (error.keyword === "required") {
    const key = String(error.params.missingProperty);
    report.error(found.keyAt, "missing-key", `${name} has no \`${key}\``, descriptionOf(error.parentSchema, key));
    return;
  }
  const none = error.keyword === "type" && found.node.kind === "scalar" && found.node.value === "None";
  const code = error.keyword === "type" ? "wrong-type" : "wrong-value";
  report.error(found.at, code, `${name} ${typeof wanted === "string" ? wanted : sentence(error)}`, none ? "Write null." : hintFor(error));
}

function reportUnknownKey(key: string, error: ErrorObject, node: YamlNode, path: readonly string[], report: Report): void {
  const known = Object.keys((error.parentSchema?.properties ?? {}) as object);
  const at = keyAt(node, key) ?? node.at;
  const renamed = newSpelling(key, known);
  if (renamed !== null) report.error(at, "renamed-key", `\`${key}\` is not a key here`, renamed);
  else report.error(at, "unknown-key", `\`${short(key)}\` is not a key of ${nameOf(path)}`, didYouMean(key, known));
}

function sentence({ keyword, params, data, schema }: ErrorObject): string {
  if (keyword === "type")
    return `must be ${alternatives([schema].flat().map((type) => typeName(String(type))))}, not ${describeValue(data)}`;
  if (keyword === "enum") return `must be ${alternatives((params.allowedValues as unknown[]).map(String))}, not ${describeValue(data)}`;
  if (keyword === "minimum") return `must be at least ${params.limit}`;
  if (keyword === "maximum") return `must be at most ${params.limit}`;
  if (keyword === "minLength" || keyword === "minItems" || keyword === "minProperties") return "must not be empty";
  if (keyword === "maxLength") return `must be at most ${params.limit} characters long`;
  if (keyword === "maxItems" || keyword === "maxProperties") return `must have at most ${params.limit}`;
  if (keyword === "uniqueItems") {
    const [first, second] = [Number(params.i) + 1, Number(params.j) + 1].sort((a, b) => a - b);
    return `has the same item twice: item ${first} and item ${second}`;
  }
  return `is not right (${keyword})`;
}

function hintFor({ keyword, params, data, parentSchema }: ErrorObject): string {
  const choices: unknown = keyword === "anyOf" ? parentSchema?.anyOf?.[0]?.enum : keyword === "enum" ? params.allowedValues : null;
  if (Array.isArray(choices) && typeof data === "string") return didYouMean(data, choices.map(String), "");
  return typeof parentSchema?.description === "string" ? parentSchema.description : "";
}

function locate(root: YamlNode, path: readonly string[]): { node: YamlNode; at: number; keyAt: number } {
  let node = root;
  let place = root.at;
  for (const step of path) {
    if (node.kind === "map") {
      const entry = node.entries.get(step);
      if (entry === undefined) break;
      node = entry.value;
      place = entry.at;
    } else if (node.kind === "list") {
      const item = node.items[Number(step)];
      if (item === undefined) break;
      node = item;
      place = item.at;
    }
  }
  return { node, at: node.at, keyAt: place };
}

function keyAt(node: YamlNode, key: string): number | undefined {
  return node.kind === "map" ? node.entries.get(key)?.at : undefined;
}

function nameOf(path: readonly string[]): string {
  const last = path.at(-1);
  if (last === undefined) return "the file";
  const index = /^\d+$/.test(last) ? `item ${Number(last) + 1} of \`${path.at(-2) ?? ""}\`` : `\`${short(last)}\``;
  const task = path[1] === "tasks" && path.length > 3 ? ` of \`${short(path[2] ?? "")}\`` : "";
  return index + task;
}

function descriptionOf(schema: ErrorObject["parentSchema"], key: string): string {
  const description: unknown = schema?.properties?.[key]?.description;
  return typeof description === "string" ? `${key}: ${description}` : "";
}

function typeName(type: string): string {
  const names: Record<string, string> = {
    string: "text",
    integer: "a whole number",
    number: "a number",
    boolean: "true or false",
    array: "a list",
    object: "a map",
    null: "null",
  };
  return names[type] ?? type;
}

function describeValue(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  return typeof value === "string" ? `"${short(value)}"` : String(value);
}

function alternatives(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

function short(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function unescapePointer(step: string): string {
  return step.replaceAll("~1", "/").replaceAll("~0", "~");
}
