import type { Definition } from "../release/definition.ts";
import type { JsonValue } from "../scrape/model.ts";
import type { Change, ChangeKind } from "./model.ts";
import { taskChanges } from "./task-changes.ts";
import { durationText, show } from "./words.ts";

/** What differs between two definitions of a DAG, in the words of its YAML: settings first, then params, then tasks. */
export function definitionChanges(before: Definition, after: Definition): Change[] {
  const settings = settingKeys.flatMap((key) => {
    const [from, to] = [settingText(key, before), settingText(key, after)];
    return from === to ? [] : [dagChange("setting", words(key), from, to)];
  });
  return [...settings, ...paramChanges(before.params, after.params), ...taskChanges(before.tasks, after.tasks)];
}

/** Those that are one value each, in the order of the scrape reference. */
const settingKeys = [
  "schedule",
  "start_date",
  "end_date",
  "timezone",
  "catchup",
  "paused",
  "max_active_runs",
  "owner",
  "description",
  "tags",
  "url",
  "callable_file",
  "config_path",
  "email",
  "email_on_failure",
  "email_on_retry",
  "email_on_success",
  "retries",
  "retry_delay",
  "each_month",
] as const;

/** As the YAML would have it; null when the key is not set. */
function settingText(key: (typeof settingKeys)[number], definition: Definition): string | null {
  if (key === "schedule") return scheduleText(definition.schedule);
  if (key === "retry_delay") return durationText(definition.retry_delay);
  const value = definition[key];
  if (value == null || (Array.isArray(value) && value.length === 0)) return null;
  if (key === "each_month" && definition.each_month !== null) return `${definition.each_month.from} to ${definition.each_month.to}`;
  return show(value as JsonValue);
}

/** `@daily` for the expression that it stands for, the expression, or the tables; on demand for none. */
export function scheduleText(schedule: Definition["schedule"]): string {
  if (schedule === null) return "on demand";
  if (typeof schedule !== "string") return `when loaded: ${schedule.join(", ")}`;
  return presetOf.get(schedule) ?? schedule;
}

const presetOf = new Map([
  ["0 * * * *", "@hourly"],
  ["0 0 * * *", "@daily"],
  ["0 0 * * 0", "@weekly"],
  ["0 0 1 * *", "@monthly"],
  ["0 0 1 */3 *", "@quarterly"],
  ["0 0 1 1 *", "@yearly"],
]);

function paramChanges(before: Definition["params"], after: Definition["params"]): Change[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name) => {
    const [from, to] = [before[name], after[name]].map((value) => (value === undefined ? null : show(value)));
    return from === to ? [] : [dagChange("param", name, from ?? null, to ?? null)];
  });
}

function words(key: string): string {
  return key.replaceAll("_", " ");
}

function dagChange(what: ChangeKind, name: string, from: string | null, to: string | null): Change {
  return { task: null, what, name, from, to };
}
