import { UserError } from "../errors.ts";
import { didYouMean } from "./did-you-mean.ts";
import type { GraphTask } from "./graph.ts";
import type { ParamSpec } from "./model.ts";
import { patternError } from "./param/match-pattern.ts";
import { readPattern } from "./param/python-pattern.ts";
import type { Located, MapReader } from "./read-node.ts";
import type { Report } from "./report.ts";
import { checkUrlTemplate, templateVariables, timeVariables } from "./url-template.ts";
import type { YamlNode } from "./yaml-node.ts";

/** Airflow's default of `[core] max_map_length`. */
const MAX_MONTHS = 1024;
const monthPattern = "^[0-9]{4}-(0[1-9]|1[0-2])$";

/** `each_month` names two params that can hold months only. */
export function checkEachMonth(
  dag: MapReader,
  params: Readonly<Record<string, ParamSpec>>,
  report: Report,
): { from: string; to: string } | null {
  const reader = dag.child("each_month");
  const from = reader?.text("from");
  const to = reader?.text("to");
  if (from === undefined || to === undefined) return null;
  for (const { value: name, at } of [from, to]) {
    const spec = Object.hasOwn(params, name) ? params[name] : undefined;
    if (spec === undefined) {
      const names = Object.keys(params);
      report.error(
        at,
        "each-month",
        `\`${name.slice(0, 100)}\` is not a param of this DAG`,
        names.length === 0 ? "The DAG has no `params`." : didYouMean(name, names),
      );
    } else if (spec.type !== "string" || !holdsMonths(spec.pattern)) {
      report.error(
        at,
        "each-month",
        `the param \`${name}\` is not one that holds months`,
        `Give it \`type: string\` and \`pattern: "${monthPattern}"\`.`,
      );
    }
  }
  const first = params[from.value]?.default;
  const last = params[to.value]?.default;
  if (typeof first === "string" && typeof last === "string" && first > last) {
    report.error(
      from.at,
      "each-month",
      `by default the range begins after its end: ${first.slice(0, 20)} to ${last.slice(0, 20)}`,
      "Change the params' defaults.",
    );
  }
  const months = typeof first === "string" && typeof last === "string" ? monthOf(last) - monthOf(first) + 1 : 0;
  if (months > MAX_MONTHS) {
    report.error(
      from.at,
      "each-month",
      `by default the range has ${months} months, and Airflow maps a task over ${MAX_MONTHS} at most`,
      "Change the params' defaults.",
    );
  }
  return { from: from.value, to: to.value };
}

/** Months since the year 0 of a text `YYYY-MM`. */
function monthOf(text: string): number {
  const [year = 0, month = 0] = text.split("-").map(Number);
  return year * 12 + month;
}

function holdsMonths(pattern: unknown): boolean {
  if (pattern === monthPattern) return true;
  if (typeof pattern !== "string" || "message" in readPattern(pattern)) return false;
  const takes = (text: string): boolean => patternError(pattern, text) === null;
  return ["2023-01", "2024-12"].every(takes) && !["", "2023", "2023-1", "2023-13", "2023-00", "2023-01-01", "x2023-01"].some(takes);
}

type Variables = ReadonlyMap<string, "value" | "not one value">;

/** The variables of `url` are known to each extract, and those of `slice` to its load; the URL is safe. */
export function checkTemplates(
  dag: MapReader,
  params: Readonly<Record<string, ParamSpec>>,
  graph: ReadonlyMap<string, GraphTask>,
  readers: ReadonlyMap<string, MapReader>,
  report: Report,
): void {
  const url = dag.text("url");
  const shared = dagVariables(params);
  const variables = url === undefined ? [] : variablesOf(url, report);
  if (url !== undefined) {
    const unsafe = checkUrlTemplate(url.value);
    if (unsafe !== null) report.error(url.at, "url", unsafe.message, unsafe.hint);
  }
  const extracts = [...graph.values()].filter((task) => task.kind === "extract");
  for (const variable of variables) checkUrlVariable(variable, url?.at ?? 0, extracts, shared, readers, report);
  for (const [id, reader] of readers) {
    const slice = graph.get(id)?.kind === "load" ? reader.text("slice") : undefined;
    if (slice === undefined) continue;
    const known = taskVariables(shared, reader);
    if (!/^(?:[A-Za-z0-9._-]|\{[^{}]*\})*$/.test(slice.value)) {
      report.error(
        slice.at,
        "slice",
        "a slice is made of letters, digits, dots, underscores, hyphens and {variables}",
        "Take the other characters out.",
      );
    } else for (const variable of variablesOf(slice, report)) checkVariable(variable, slice.at, known, "`slice`", report);
  }
}

function variablesOf(template: Located<string>, report: Report): string[] {
  try {
    return templateVariables(template.value);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    report.error(template.at, "template", error.message, error.hint);
    return [];
  }
}

/** A variable that no extract knows is wrong in the URL; one that some know is missing in the others. */
function checkUrlVariable(
  variable: string,
  urlAt: number,
  extracts: readonly GraphTask[],
  shared: Variables,
  readers: ReadonlyMap<string, MapReader>,
  report: Report,
): void {
  const known = extracts.map((task) => ({ task, variables: taskVariables(shared, readers.get(task.id)) }));
  const lacking = known.filter(({ variables }) => !variables.has(variable));
  const all = new Map([...shared, ...known.flatMap(({ variables }) => [...variables])]);
  if (lacking.length === known.length) {
    if (!all.has(variable) || all.get(variable) === "not one value") checkVariable(variable, urlAt, all, "`url`", report);
    return;
  }
  for (const { task } of lacking) {
    report.error(
      task.at,
      "unknown-variable",
      `\`url\` needs {${variable}}, which \`${task.id}\` does not have`,
      `Add it to the task: \`params: { ${variable}: … }\`.`,
    );
  }
  for (const { variables } of known) if (variables.has(variable)) checkVariable(variable, urlAt, variables, "`url`", report);
}

function checkVariable(variable: string, at: number, known: Variables, where: string, report: Report): void {
  const kind = known.get(variable);
  if (kind === undefined)
    report.error(at, "unknown-variable", `${where} uses {${variable}}, which nothing gives`, didYouMean(variable, [...known.keys()]));
  if (kind === "not one value") {
    report.error(
      at,
      "unknown-variable",
      `${where} uses {${variable}}, which is not always one text or number`,
      "A variable is a param of one type: string, integer, number or boolean, never null, a list or a map.",
    );
  }
}

function dagVariables(params: Readonly<Record<string, ParamSpec>>): Variables {
  const variables = new Map<string, "value" | "not one value">();
  for (const [name, { type }] of Object.entries(params)) {
    variables.set(name, typeof type === "string" && ["string", "integer", "number", "boolean"].includes(type) ? "value" : "not one value");
  }
  for (const name of timeVariables) variables.set(name, "value");
  return variables;
}

function taskVariables(shared: Variables, reader: MapReader | undefined): Variables {
  const params = reader?.child("params")?.map.entries;
  if (params === undefined) return shared;
  return new Map([...shared, ...[...params].map(([name, entry]) => [name, isOneValue(entry.value) ? "value" : "not one value"] as const)]);
}

function isOneValue(node: YamlNode): boolean {
  return node.kind === "scalar" && node.value !== null;
}
