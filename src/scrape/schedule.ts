import { type Cron, parseCron } from "../time/cron.ts";
import type { Refusal } from "../time/cron-field.ts";
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

/** Reads a cron expression, or one of Airflow's presets for one. */
export function parseSchedule(text: string): Cron | Refusal {
  const preset = presets.get(text);
  if (preset !== undefined) return parseCron(preset);
  if (text.startsWith("@")) {
    return {
      message: `no such preset: ${JSON.stringify(text.slice(0, 40))}`,
      hint: notForUs.get(text) ?? didYouMean(text, [...presets.keys()]),
    };
  }
  if (text.toLowerCase() === "none" || text.toLowerCase() === "null") {
    return { message: `${JSON.stringify(text)} is text, not the absence of a schedule`, hint: "Write null: `schedule: null`." };
  }
  return parseCron(text);
}
