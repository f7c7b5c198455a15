import { UserError } from "../errors.ts";
import { didYouMean } from "../scrape/did-you-mean.ts";
import type { JsonValue } from "../scrape/model.ts";
import { paramError } from "../scrape/param/param-error.ts";
import { OVERWRITE_NEWER } from "../scrape/reserved-params.ts";
import type { BackfillDag } from "./backfill-dag.ts";

/** Checks a backfill's params against those of the DAG that Airflow serves. Throws one UserError with all that is wrong. */
export function checkParams({ id, params, eachMonth }: BackfillDag, given: Readonly<Record<string, JsonValue>>): void {
  const ranged = eachMonth === null ? [] : [eachMonth.from, eachMonth.to];
  const problems: string[] = [];
  for (const name of Object.keys(given)) {
    if (ranged.includes(name)) problems.push(`the param \`${name}\` of ${id} is set by the range; leave it out`);
    else if (name === OVERWRITE_NEWER && !Object.hasOwn(params, name)) {
      if (typeof given[name] !== "boolean") problems.push(`the param \`${name}\` is true or false`);
    } else if (!Object.hasOwn(params, name)) {
      const others = Object.keys(params).filter((other) => !ranged.includes(other));
      problems.push(`${id} has no param ${JSON.stringify(name.slice(0, 80))}. ${didYouMean(name, others) || "It takes none."}`);
    }
  }
  for (const [name, spec] of Object.entries(params)) {
    if (ranged.includes(name)) continue;
    const isGiven = Object.hasOwn(given, name);
    const value = (isGiven ? given[name] : (spec.default as JsonValue | undefined)) ?? null;
    const wrong = paramError(spec, value);
    if (wrong === null) continue;
    problems.push(isGiven || value !== null ? `the param \`${name}\` of ${id} ${wrong}` : `${id} needs a value of the param \`${name}\``);
  }
  if (problems.length > 0) throw new UserError(problems.join("\n"), { hint: "Nothing was started. Params are a JSON object." });
}
