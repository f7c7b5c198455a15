import { isTimeZone } from "../time/zone-name.ts";
import type { Schedule } from "./model.ts";
import type { Located, MapReader } from "./read-node.ts";
import type { Report } from "./report.ts";
import { parseSchedule } from "./schedule.ts";
import { checkDateTime, parseDuration, timeZoneHint } from "./times.ts";

/** Seconds of a duration key; null when it is not there or not right. */
export function readDuration(reader: MapReader, key: string, report: Report, atLeast = 0): number | null {
  const found = reader.text(key) ?? reader.number(key);
  if (found === undefined) return null;
  const seconds = parseDuration(found.value);
  if (seconds !== null && seconds >= atLeast) return seconds;
  report.error(
    found.at,
    "duration",
    `\`${key}\` is not a duration: ${JSON.stringify(found.value).slice(0, 60)}`,
    `Write seconds, or "30s", "5m", "1h30m", "1d"; at least ${atLeast}, at most a year.`,
  );
  return null;
}

export function readSchedule(dag: MapReader, report: Report): { schedule: Schedule; assets: readonly Located<string>[] } {
  const assets = dag.child("schedule")?.texts("assets") ?? [];
  if (assets.length > 0) return { schedule: { kind: "assets", tables: assets.map(({ value }) => value) }, assets };
  const text = dag.text("schedule");
  if (text === undefined) return { schedule: { kind: "none" }, assets };
  const parsed = parseSchedule(text.value);
  if ("expression" in parsed) return { schedule: { kind: "cron", expression: parsed.expression }, assets };
  report.error(text.at, "schedule", parsed.message, parsed.hint);
  return { schedule: { kind: "cron", expression: "0 0 1 1 *" }, assets };
}

/** `start_date` and `end_date`, real ones and in order. */
export function readDates(dag: MapReader, schedule: Schedule, report: Report): { startDate: string; endDate: string | null } {
  const start = readDate(dag, "start_date", report);
  const end = readDate(dag, "end_date", report);
  if (schedule.kind === "cron" && !dag.has("start_date")) {
    report.error(
      dag.at,
      "missing-key",
      "a DAG with a schedule needs a `start_date`",
      "start_date: the first moment of the first data interval, such as 2024-01-01.",
    );
  }
  if (start !== null && end !== null && end < start) {
    report.error(dag.text("end_date")?.at ?? dag.at, "date-order", "`end_date` is before `start_date`", "No run would ever start.");
  }
  return { startDate: start ?? "1970-01-01", endDate: end };
}

function readDate(dag: MapReader, key: string, report: Report): string | null {
  const text = dag.text(key);
  if (text === undefined) return null;
  const wrong = text.value === "None" ? "is text; write null, or leave it out" : checkDateTime(text.value);
  if (wrong === null) return text.value;
  report.error(
    text.at,
    "date",
    `\`${key}\` ${wrong}: ${JSON.stringify(text.value.slice(0, 60))}`,
    "Write 2024-01-31 or 2024-01-31T06:30; the zone is in `timezone`.",
  );
  return null;
}

export function readTimeZone(dag: MapReader, report: Report): string {
  const text = dag.text("timezone");
  if (text === undefined) return "UTC";
  if (!isTimeZone(text.value)) {
    report.error(text.at, "timezone", `no such time zone: ${JSON.stringify(text.value.slice(0, 60))}`, timeZoneHint(text.value));
  }
  return text.value;
}

export function readEmail(
  dag: MapReader,
  report: Report,
): { email: readonly string[]; emailOn: { failure: boolean; retry: boolean; success: boolean } } {
  const addresses = dag.texts("email");
  for (const { value, at } of addresses) {
    if (
      !/^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+$/.test(
        value,
      )
    ) {
      report.error(at, "email", `not an e-mail address: ${JSON.stringify(value.slice(0, 80))}`, "Write name@example.com.");
    }
  }
  const on = (key: string): boolean => {
    const wanted = dag.flag(key) ?? false;
    if (wanted && addresses.length === 0)
      report.error(dag.keyAt(key), "email", `\`${key}\` is on, and nobody is there to get it`, "Add `email: [name@example.com]`.");
    return wanted;
  };
  return {
    email: addresses.map(({ value }) => value),
    emailOn: { failure: on("email_on_failure"), retry: on("email_on_retry"), success: on("email_on_success") },
  };
}
