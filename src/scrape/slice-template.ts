import type { Dag, JsonValue, LoadTask } from "./model.ts";
import { timeVariables } from "./url-template.ts";

/** A piece of a slice template: text, or a variable with what it can hold. */
export type SlicePart =
  | { readonly kind: "text"; readonly text: string }
  /** One of these: a constant, an enum, a month. */
  | { readonly kind: "choice"; readonly name: string; readonly values: readonly string[] }
  /** Four digits. */
  | { readonly kind: "year" }
  /** Any text that a slice takes. */
  | { readonly kind: "free"; readonly name: string };

/** A load's slice template, with what the DAG says of its variables. Empty where it has none. */
export function slicePartsOf(dag: Pick<Dag, "params">, { mode, params }: Pick<LoadTask, "mode" | "params">): SlicePart[] {
  if (mode.kind !== "append" || mode.slice === null) return [];
  return mode.slice.split(/(\{[^{}]*\})/).flatMap((piece): SlicePart[] => {
    if (!piece.startsWith("{")) return piece === "" ? [] : [{ kind: "text", text: piece }];
    const name = piece.slice(1, -1);
    const values = valuesOf(name, dag, params);
    if (values !== null) return [{ kind: "choice", name, values }];
    return isTime(name, dag, params) ? timeParts(name) : [{ kind: "free", name }];
  });
}

/** The time variables of a load's slice that no param stands for; `date` is the three that it is made of. */
export function sliceTimes(dag: Pick<Dag, "params">, { mode, params }: Pick<LoadTask, "mode" | "params">): Set<string> {
  return templateTimes(mode.kind === "append" ? (mode.slice ?? "") : "", dag.params, params);
}

/** The same of any template: a DAG's URL has no task's params. */
export function templateTimes(template: string, dagParams: Dag["params"], params: LoadTask["params"]): Set<string> {
  const all = [...template.matchAll(/\{([^{}]*)\}/g)].map((match) => match[1] ?? "");
  const names = all.filter((name) => isTime(name, { params: dagParams }, params));
  return new Set(names.flatMap((name) => (name === "date" ? ["year", "month", "day"] : [name])));
}

function isTime(name: string, dag: Pick<Dag, "params">, params: LoadTask["params"]): boolean {
  return (timeVariables as readonly string[]).includes(name) && !Object.hasOwn(params, name) && !Object.hasOwn(dag.params, name);
}

/** What a variable can hold, where that is said; null: any text. A task's param wins over the DAG's. */
function valuesOf(name: string, dag: Pick<Dag, "params">, params: LoadTask["params"]): readonly string[] | null {
  if (Object.hasOwn(params, name)) return [String(params[name])];
  const param = Object.hasOwn(dag.params, name) ? dag.params[name] : undefined;
  if (param?.type === "boolean") return ["true", "false"];
  if (param !== undefined && Object.hasOwn(param, "const")) return [String(param.const as JsonValue)];
  return Array.isArray(param?.enum) ? param.enum.map(String) : null;
}

/** The second of two equal hours in autumn bears a letter: docs/architecture.md. */
function timeParts(name: string): SlicePart[] {
  const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => String(from + index).padStart(2, "0"));
  const dash: SlicePart = { kind: "text", text: "-" };
  const month: SlicePart = { kind: "choice", name: "month", values: numbers(1, 12) };
  const day: SlicePart = { kind: "choice", name: "day", values: numbers(1, 31) };
  if (name === "year") return [{ kind: "year" }];
  if (name === "month") return [month];
  if (name === "day") return [day];
  const hours = numbers(0, 23);
  if (name === "hour") return [{ kind: "choice", name, values: [...hours, ...hours.map((hour) => `${hour}B`)] }];
  return [{ kind: "year" }, dash, month, dash, day];
}
