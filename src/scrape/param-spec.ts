import vm from "node:vm";
import { Ajv, type ValidateFunction } from "ajv";
import formatsPlugin from "ajv-formats";
import type { JsonValue, ParamSpec } from "./model.ts";
import { type MapReader, readMap, toValue } from "./read-node.ts";
import type { Report } from "./report.ts";
import type { YamlNode } from "./yaml-node.ts";

/** Reads the DAG's `params`; reports a default, an enum value or an example that its own param would refuse, and unsafe patterns. */
export function readParams(dag: MapReader, scheduled: boolean, report: Report): Record<string, ParamSpec> {
  const params = dag.child("params");
  const specs: [string, ParamSpec][] = [];
  for (const [name, entry] of params?.map.entries ?? []) {
    if (entry.value.kind !== "map") continue;
    const reader = readMap(entry.value, entry.at);
    const spec = toValue(entry.value) as Record<string, JsonValue>;
    specs.push([name, spec]);
    checkSpec(name, spec, reader, report);
    if (scheduled && !reader.has("default")) {
      report.error(
        entry.at,
        "missing-default",
        `the param \`${name}\` has no default, and nobody is there to set it in a scheduled run`,
        "Give it a `default`.",
      );
    }
  }
  return Object.fromEntries(specs);
}

function checkSpec(name: string, spec: Record<string, JsonValue>, reader: MapReader, report: Report): void {
  const pattern = reader.text("pattern");
  const unsafe = pattern === undefined ? null : unsafePattern(pattern.value);
  if (pattern !== undefined && unsafe !== null) {
    report.error(
      pattern.at,
      "param-pattern",
      `the pattern of \`${name}\` ${unsafe}`,
      "Write a plainer one; both Python and JavaScript must be able to run it fast.",
    );
  }
  const validate = validatorOf(spec);
  if (validate === null) return; // the schema has said why
  const usable = pattern !== undefined && unsafe === null ? pattern.value : null;
  const check = (node: YamlNode | undefined, what: string): void => {
    if (node === undefined) return;
    const value = toValue(node);
    const wrong = firstError(validate, value) ?? patternError(usable, value);
    if (wrong !== null) report.error(node.at, "param-value", `the ${what} of \`${name}\` ${wrong}`, "Change it, or what the param takes.");
  };
  check(reader.node("default"), "default");
  const choices = reader.node("enum");
  if (choices?.kind === "list") for (const item of choices.items) check(item, "enum value");
  const examples = reader.node("examples");
  if (examples?.kind === "list") for (const item of examples.items) check(item, "example");
}

const ajv = new Ajv({ strict: false, allErrors: false, validateFormats: true });
formatsPlugin.default(ajv, ["date", "date-time", "time"]);
const validators = new Map<string, ValidateFunction | null>();

/** Compiling costs a millisecond and specs repeat, so each form of spec is compiled once. The pattern is left to `patternError`. */
function validatorOf(spec: Record<string, JsonValue>): ValidateFunction | null {
  const { default: _default, title: _title, description: _description, examples: _examples, pattern: _pattern, ...rest } = spec;
  const key = JSON.stringify(rest);
  let validate = validators.get(key);
  if (validate === undefined) {
    validate = ajv.validateSchema(rest) === true ? ajv.compile(rest) : null;
    validators.set(key, validate);
  }
  return validate;
}

/** Why a param does not take a value, in words that follow the param's name; null when it does. */
export function paramError(spec: ParamSpec, value: JsonValue): string | null {
  const validate = validatorOf(spec as Record<string, JsonValue>);
  const wrong = validate === null ? null : firstError(validate, value);
  return wrong ?? patternError(typeof spec.pattern === "string" ? spec.pattern : null, value);
}

function firstError(validate: ValidateFunction, value: JsonValue): string | null {
  if (validate(value)) return null;
  const error = validate.errors?.[0];
  const allowed = error?.keyword === "enum" ? `: ${JSON.stringify(error.params.allowedValues).slice(0, 200)}` : "";
  return `${error?.instancePath === "" ? "" : `at ${error?.instancePath} `}${error?.message ?? "is not right"}${allowed}`;
}

function patternError(pattern: string | null, value: JsonValue): string | null {
  if (pattern === null || typeof value !== "string") return null;
  const matches = testPattern(pattern, value.slice(0, 10_000));
  return matches ? null : `does not match the pattern ${pattern}`;
}

/** Why a pattern is not taken, or null. What is refused is what can take for ever, or means another thing in Python. */
export function unsafePattern(pattern: string): string | null {
  if (pattern.length > 200) return "is longer than 200 characters";
  try {
    new RegExp(pattern, "u");
  } catch {
    return "is not a regular expression";
  }
  const plain = pattern.replace(/\\\\/g, "__").replace(/\[(?:\\.|[^\]\\])*\]/g, "c");
  if (/\(\?(?!:)/.test(plain) || /\\[1-9k]/.test(plain)) return "uses look-around, a named group or a back reference";
  if (/\\[pPuBb]/.test(plain)) return "uses \\p, \\u or \\b, which Python reads differently";
  return repeatsNested(plain) ? "repeats a group that repeats or chooses, which can take for ever" : null;
}

/** A group followed by a repetition, with a repetition or an alternative somewhere in it. */
function repeatsNested(plain: string): boolean {
  const open: boolean[] = [];
  const text = plain.replace(/\\./g, "c");
  let unbounded = 0;
  for (let index = 0; index < text.length; index++) {
    const character = text[index] ?? "";
    if (character === "(") open.push(false);
    const repeated = /^(?:[*+]|\{\d+,?\d*\})/.test(text.slice(index + 1));
    if (character === ")") {
      const risky = open.pop() ?? false;
      if (risky && repeated) return true;
      if (risky && open.length > 0) open[open.length - 1] = true;
    }
    if ((character === "|" || repeated) && open.length > 0 && character !== "(") open[open.length - 1] = true;
    if (character === "*" || character === "+") unbounded++;
  }
  return unbounded > 5;
}

let sandbox: vm.Context | undefined;

/** Runs a user's pattern with a time limit; a pattern that does not end in time does not match. */
export function testPattern(pattern: string, text: string): boolean {
  sandbox ??= vm.createContext(Object.create(null));
  sandbox.pattern = pattern;
  sandbox.text = text;
  try {
    return vm.runInContext("new RegExp(pattern, 'u').test(text)", sandbox, { timeout: 100 }) === true;
  } catch (error) {
    // The error is made in the sandbox, so it is no instance of this realm's Error.
    if (typeof error === "object" && error !== null && "code" in error && error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return false;
    throw error;
  }
}
