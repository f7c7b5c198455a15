import { isDeepStrictEqual } from "node:util";
import type { JsonValue, ParamSpec } from "../model.ts";
import { formatError } from "./formats.ts";
import { patternError } from "./match-pattern.ts";

/**
 * Why a param does not take a value, in words that follow the param's name; null when it does. As Airflow judges it: jsonschema, Draft 2020-12,
 * with its FormatChecker (airflow/sdk/definitions/param.py, `resolve`), over the keywords that a param may have (schemas/dag.schema.json).
 */
export function paramError(spec: ParamSpec, value: JsonValue): string | null {
  return (
    typeError(spec.type, value) ??
    lossError(value) ??
    enumError(spec.enum, value) ??
    boundsError(spec, value) ??
    textError(spec, value) ??
    itemsError(spec, value)
  );
}

function typeError(type: unknown, value: JsonValue): string | null {
  const types: unknown[] = Array.isArray(type) ? type : [type];
  const known = types.map((one) => (typeof one === "string" && Object.hasOwn(isOf, one) ? isOf[one] : undefined));
  // The schema has said what is wrong with one that is not known.
  if (known.some((is) => is === undefined || is(value))) return null;
  return `must be ${types.join(" or ")}`;
}

const isOf: Readonly<Record<string, (value: JsonValue) => boolean>> = {
  string: (value) => typeof value === "string",
  integer: (value) => Number.isInteger(value),
  number: (value) => typeof value === "number",
  boolean: (value) => typeof value === "boolean",
  array: (value) => Array.isArray(value),
  object: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  null: (value) => value === null,
};

/** Whether Python gets the very number that was written. */
function lossError(value: JsonValue): string | null {
  if (typeof value === "number") {
    const isLost = !Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value));
    return isLost ? `has more digits than a number keeps; write it as text, within ${Number.MAX_SAFE_INTEGER} as a number` : null;
  }
  if (typeof value !== "object" || value === null) return null;
  for (const member of Object.values(value) as JsonValue[]) {
    const lost = lossError(member);
    if (lost !== null) return lost;
  }
  return null;
}

/** Python's 1 and 1.0 are equal, 1 and True are not for jsonschema: as in JavaScript. */
function enumError(choices: unknown, value: JsonValue): string | null {
  if (!Array.isArray(choices) || choices.some((choice) => isDeepStrictEqual(withoutMinus(choice), withoutMinus(value)))) return null;
  return `is not one of ${JSON.stringify(choices).slice(0, 200)}`;
}

/** 0 and -0 are equal for Python. */
function withoutMinus(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function boundsError({ minimum, maximum }: ParamSpec, value: JsonValue): string | null {
  if (typeof value !== "number") return null;
  if (typeof minimum === "number" && value < minimum) return `must be at least ${minimum}`;
  return typeof maximum === "number" && value > maximum ? `must be at most ${maximum}` : null;
}

function textError({ minLength, maxLength, format, pattern }: ParamSpec, value: JsonValue): string | null {
  if (typeof value !== "string") return null;
  // Python counts code points.
  const length = [...value].length;
  if (typeof minLength === "number" && length < minLength) return `must have at least ${minLength} characters`;
  if (typeof maxLength === "number" && length > maxLength) return `must have at most ${maxLength} characters`;
  const wrong = typeof format === "string" ? formatError(format, value) : null;
  return wrong ?? (typeof pattern === "string" ? patternError(pattern, value) : null);
}

function itemsError({ items }: ParamSpec, value: JsonValue): string | null {
  if (!Array.isArray(value) || typeof items !== "object" || items === null) return null;
  for (const [index, item] of value.entries()) {
    const wrong = paramError(items as ParamSpec, item);
    if (wrong !== null) return `at /${index} ${wrong}`;
  }
  return null;
}
