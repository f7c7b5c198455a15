import type { JsonValue, ParamSpec } from "../model.ts";
import { type MapReader, readMap, toValue } from "../read-node.ts";
import type { Report } from "../report.ts";
import { OVERWRITE_NEWER } from "../reserved-params.ts";
import type { YamlNode } from "../yaml-node.ts";
import { paramError } from "./param-error.ts";
import { readPattern } from "./python-pattern.ts";

/** Reads the DAG's `params`; reports a default, an enum value or an example that its own param would refuse, and patterns that are not taken. */
export function readParams(dag: MapReader, scheduled: boolean, report: Report): Record<string, ParamSpec> {
  const params = dag.child("params");
  const specs: [string, ParamSpec][] = [];
  for (const [name, entry] of params?.map.entries ?? []) {
    if (entry.value.kind !== "map") continue;
    const reader = readMap(entry.value, entry.at);
    const spec = toValue(entry.value) as Record<string, JsonValue>;
    specs.push([name, spec]);
    if (name === OVERWRITE_NEWER && !(spec.type === "boolean" && spec.default === false)) {
      const hint = "Declare it with `type: boolean` and `default: false`, or not at all: it can be set without.";
      report.error(entry.at, "reserved-param", `\`${name}\` lets a run overwrite the rows of newer runs, when a person sets it`, hint);
    }
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

function checkSpec(name: string, spec: ParamSpec, reader: MapReader, report: Report): void {
  const pattern = reader.text("pattern");
  const read = pattern === undefined ? null : readPattern(pattern.value);
  if (pattern !== undefined && read !== null && "message" in read) {
    report.error(pattern.at, "param-pattern", `the pattern of \`${name}\` ${read.message}`, read.hint);
  }
  const check = (node: YamlNode | undefined, what: string): void => {
    if (node === undefined) return;
    const value = toValue(node);
    const wrong = paramError(spec, value);
    if (wrong !== null) report.error(node.at, "param-value", `the ${what} of \`${name}\` ${wrong}`, hintFor(value, what, spec));
  };
  check(reader.node("default"), "default");
  const choices = reader.node("enum");
  if (choices?.kind === "list") for (const item of choices.items) check(item, "enum value");
  const examples = reader.node("examples");
  if (examples?.kind === "list") for (const item of examples.items) check(item, "example");
}

function hintFor(value: JsonValue, what: string, { type }: ParamSpec): string {
  if (type === "string" && ["number", "boolean"].includes(typeof value)) return "Put it in quotes: a text is meant.";
  if (type === "boolean" && typeof value === "string") return "Write true or false, without quotes; yes, no, on and off are texts.";
  if ((type === "integer" || type === "number") && typeof value === "string") return "Write a number, without quotes.";
  if (value !== null || what !== "default" || typeof type !== "string") return "Change it, or what the param takes.";
  return `Take null, \`type: [${type}, "null"]\`, or leave the default out for a param that must be set.`;
}
