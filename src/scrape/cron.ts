import { Cron } from "croner";
import { didYouMean } from "./did-you-mean.ts";

/** Airflow's presets (airflow.utils.dates.cron_presets) and what they stand for. */
const presets = new Map<string, string>([
  ["@hourly", "0 * * * *"],
  ["@daily", "0 0 * * *"],
  ["@weekly", "0 0 * * 0"],
  ["@monthly", "0 0 1 * *"],
  ["@quarterly", "0 0 1 */3 *"],
  ["@yearly", "0 0 1 1 *"],
]);

const notForUs = new Map<string, string>([
  ["@once", "Write null and start the run by hand."],
  ["@continuous", "Use a cron expression."],
  ["@reboot", "Use a cron expression."],
  ["@annually", "Did you mean `@yearly`?"],
  ["@midnight", "Did you mean `@daily`?"],
]);

export type ParsedCron = { readonly expression: string } | { readonly message: string; readonly hint: string };

const form = 'Five fields: minute, hour, day of month, month, day of week, for example "0 9 29 * *".';

/** A cron expression of five fields, with presets written out: what both croner and Airflow's croniter take. */
export function parseCron(text: string): ParsedCron {
  const preset = presets.get(text);
  if (preset !== undefined) return { expression: preset };
  if (text.startsWith("@")) {
    return {
      message: `no such preset: ${JSON.stringify(text.slice(0, 40))}`,
      hint: notForUs.get(text) ?? didYouMean(text, [...presets.keys()]),
    };
  }
  if (text.toLowerCase() === "none" || text.toLowerCase() === "null") {
    return { message: `${JSON.stringify(text)} is text, not the absence of a schedule`, hint: "Write null: `schedule: null`." };
  }
  if (text.length > 200) return { message: "the cron expression is longer than 200 characters", hint: form };
  const fields = text.trim().split(/[ \t]+/);
  if (fields.length !== 5)
    return { message: `a cron expression has five fields, not ${text.trim() === "" ? 0 : fields.length}`, hint: form };
  const odd = fields.find((field) => !/^(?:[0-9A-Za-z*,/-]+|[0-9A-Za-z]+#[1-5])$/.test(field));
  if (odd !== undefined) return { message: `${JSON.stringify(odd)} is not a cron field`, hint: form };
  const [, , day = "", , weekday = ""] = fields;
  const special = fields.find(
    (field, index) => /(?:^|[^A-Za-z])[LWHR](?:$|[^A-Za-z])|\dW/i.test(field) && !(index === 2 && /^L$/i.test(day)),
  );
  if (special !== undefined)
    return {
      message: `${JSON.stringify(special)} is not taken in a cron expression`,
      hint: "L alone, as the day of the month, is; W, H and R are not.",
    };
  if (fields.some((field, index) => field.includes("#") && index !== 4))
    return { message: "# belongs into the day of the week", hint: form };
  if (day !== "*" && weekday.includes("#"))
    return { message: "a day of the month and # together are read differently by different programs", hint: "Use one of them." };
  return parseWithCroner(fields.join(" "));
}

const known = new Map<string, ParsedCron>();

function parseWithCroner(expression: string): ParsedCron {
  const before = known.get(expression);
  if (before !== undefined) return before;
  let parsed: ParsedCron = { expression };
  try {
    const cron = new Cron(expression, { mode: "5-part", paused: true, timezone: "UTC" });
    const [, , day, month, weekday] = expression.split(" ");
    // Only a day of the month can make an expression that never comes true: 31 February.
    if (day !== "*" && weekday === "*" && !happens(cron, `${day} ${month}`)) {
      parsed = { message: `the schedule ${JSON.stringify(expression)} never comes`, hint: "That month has no such day." };
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^CronPattern: /, "") : String(error);
    parsed = { message: `not a cron expression: ${reason}`, hint: form };
  }
  known.set(expression, parsed);
  return parsed;
}

const happening = new Map<string, boolean>();

function happens(cron: Cron, dayAndMonth: string): boolean {
  let does = happening.get(dayAndMonth);
  if (does === undefined) {
    does = cron.nextRun(new Date(0)) !== null && cron.nextRun(new Date(0)) !== undefined;
    happening.set(dayAndMonth, does);
  }
  return does;
}
