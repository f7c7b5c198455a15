import type { JsonValue } from "../scrape/model.ts";
import type { Change } from "./model.ts";
import { show } from "./words.ts";

/** Beyond this many differences, only their number is said. */
const MOST = 12;

/** What differs between two texts of a JSON configuration, value by value; one change for the whole file when that is long or unknown. */
export function configChanges(path: string, before: string | undefined, after: string | undefined): Change[] {
  const whole: Change = { task: null, what: "configuration", name: path, from: null, to: null };
  const [old, now] = [parse(before), parse(after)];
  if (old === undefined || now === undefined) return [whole];
  const found: Change[] = [];
  walk(old, now, "", (at, from, to) => {
    if (found.length <= MOST) found.push({ ...whole, name: at === "" ? path : `${path}: ${at}`, from, to });
  });
  // Equal values in other bytes: white space or the order of keys.
  return found.length === 0 || found.length > MOST ? [whole] : found;
}

function parse(text: string | undefined): JsonValue | undefined {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined; // the plan says that the file changed, and that is true
  }
}

type Report = (at: string, from: string | null, to: string | null) => void;

function walk(old: JsonValue | undefined, now: JsonValue | undefined, at: string, report: Report): void {
  if (old !== undefined && now !== undefined && isObject(old) && isObject(now)) {
    for (const key of new Set([...Object.keys(old), ...Object.keys(now)])) {
      walk(member(old, key), member(now, key), at === "" ? key : `${at}.${key}`, report);
    }
    return;
  }
  const [from, to] = [old, now].map((value) => (value === undefined ? null : show(value)));
  if (JSON.stringify(old) !== JSON.stringify(now)) report(at, from ?? null, to ?? null);
}

function isObject(value: JsonValue): value is Readonly<Record<string, JsonValue>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Not `constructor` and the like, which every object has. */
function member(value: Readonly<Record<string, JsonValue>>, key: string): JsonValue | undefined {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}
