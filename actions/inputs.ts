import { UserError } from "../src/errors.ts";
import { didYouMean } from "../src/scrape/did-you-mean.ts";

/** What one input takes. `default` undefined: it must be given. `takes` says in words what a text's `pattern` lets through. */
type InputKind =
  | { readonly kind: "text"; readonly default?: string }
  | { readonly kind: "text"; readonly default?: string; readonly pattern: Pattern; readonly takes: string }
  | { readonly kind: "choice"; readonly choices: readonly string[]; readonly default: string }
  | { readonly kind: "flag"; readonly default: "true" | "false" };

/** A regular expression, or what else can tell. */
type Pattern = Pick<RegExp, "test">;

/** By name, as action.yml has them: a test compares the two. */
export type InputSpec = Readonly<Record<string, InputKind>>;

export type InputsOf<Spec extends InputSpec> = {
  readonly [Name in keyof Spec]: Spec[Name] extends { kind: "flag" }
    ? boolean
    : Spec[Name] extends { kind: "choice"; choices: readonly (infer Choice)[] }
      ? Choice
      : string;
};

/**
 * Reads the inputs from the runner's variables (`INPUT_NAME`), all of them before anything is done.
 * Throws one UserError that names every missing, wrong and unknown one, and what is allowed.
 */
export function readInputs<Spec extends InputSpec>(spec: Spec, variables: Readonly<Record<string, string | undefined>>): InputsOf<Spec> {
  const given = new Map(
    Object.entries(variables).flatMap(([name, value]) =>
      name.startsWith("INPUT_") && value !== undefined ? [[name.slice("INPUT_".length).toLowerCase(), value.trim()]] : [],
    ),
  );
  const problems: string[] = [];
  const values: Record<string, string | boolean> = {};
  for (const [name, kind] of Object.entries(spec)) {
    const text = given.get(name) ?? "";
    given.delete(name);
    const value = text === "" ? kind.default : text;
    if (value === undefined) problems.push(`the input \`${name}\` is missing`);
    else if (kind.kind === "choice" && !kind.choices.includes(value))
      problems.push(`the input \`${name}\` is ${quote(value)}: it takes ${kind.choices.join(", ")}`);
    else if (kind.kind === "flag" && value !== "true" && value !== "false")
      problems.push(`the input \`${name}\` is ${quote(value)}: it takes true or false`);
    else if ("pattern" in kind && !kind.pattern.test(value))
      problems.push(`the input \`${name}\` is ${quote(value)}: it takes ${kind.takes}`);
    values[name] = kind.kind === "flag" ? value === "true" : (value ?? "");
  }
  for (const name of given.keys()) problems.push(`there is no input \`${name.slice(0, 80)}\`. ${didYouMean(name, Object.keys(spec))}`);
  if (problems.length > 0) throw new UserError(problems.join("\n"), { hint: "Nothing was done. Mend the step's `with:`." });
  return values as InputsOf<Spec>; // each name of the spec was set above, to the type of its kind
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
