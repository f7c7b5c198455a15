import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { load } from "js-yaml";

/** An SSM document of type Command, as far as this stack runs it. */
interface SsmDocument {
  readonly parameters: Readonly<Record<string, Parameter>>;
  /** Lines of shell with `{{ Name }}` where parameters go. */
  readonly script: string;
  readonly timeoutSeconds: number;
}

interface Parameter {
  readonly default?: string;
  readonly allowedPattern?: string;
  readonly allowedValues?: readonly string[];
}

/** Reads every document of a folder, by name. */
export function readDocuments(dir: string): Map<string, SsmDocument> {
  const files = readdirSync(dir).filter((file) => file.endsWith(".yml"));
  return new Map(files.map((file) => [basename(file, ".yml"), parse(readFileSync(join(dir, file), "utf8"))]));
}

/** The script with its parameters filled in, or the names of those that are unknown or that their allowed pattern or values refuse. */
export function fillDocument(document: SsmDocument, given: Readonly<Record<string, unknown>>): { script: string } | { refused: string[] } {
  const refused = Object.keys(given).filter((name) => !Object.hasOwn(document.parameters, name));
  const values = new Map<string, string>();
  for (const [name, parameter] of Object.entries(document.parameters)) {
    const value = Object.hasOwn(given, name) ? onlyString(given[name]) : parameter.default;
    if (value === undefined || !allows(parameter, value)) refused.push(name);
    else values.set(name, value);
  }
  if (refused.length > 0) return { refused };
  return { script: document.script.replace(/\{\{\s*(\w+)\s*\}\}/g, (whole, name: string) => values.get(name) ?? whole) };
}

/** A parameter without a pattern or a list of values could carry shell: no document of ours has one. */
function allows({ allowedPattern, allowedValues }: Parameter, value: string): boolean {
  if (allowedPattern === undefined && allowedValues === undefined) return false;
  return (allowedValues?.includes(value) ?? true) && (allowedPattern === undefined || new RegExp(allowedPattern).test(value));
}

/** SSM sends each value in a list; a String parameter has one. */
function onlyString(value: unknown): string | undefined {
  return Array.isArray(value) && value.length === 1 && typeof value[0] === "string" ? value[0] : undefined;
}

interface Source {
  readonly parameters?: SsmDocument["parameters"];
  readonly mainSteps: readonly { readonly inputs: { readonly runCommand: readonly string[]; readonly timeoutSeconds: string } }[];
}

function parse(text: string): SsmDocument {
  const { parameters = {}, mainSteps } = load(text) as Source;
  const inputs = mainSteps.map((step) => step.inputs);
  return {
    parameters,
    script: inputs.flatMap((input) => input.runCommand).join("\n"),
    timeoutSeconds: Math.max(...inputs.map((input) => Number(input.timeoutSeconds))),
  };
}
