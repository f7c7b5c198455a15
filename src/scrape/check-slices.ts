import { parseCron } from "../time/cron.ts";
import { nextTime } from "../time/cron-times.ts";
import type { Dag, LoadTask } from "./model.ts";
import type { Report } from "./report.ts";
import { type SlicePart, slicePartsOf, sliceTimes } from "./slice-template.ts";
import { timeVariables } from "./url-template.ts";

/** A load with the places of what it says. */
export interface LocatedLoad {
  readonly task: LoadTask;
  readonly at: number;
  readonly modeAt: number;
  readonly sliceAt: number;
}

/** Within one DAG: each slice can be read in one way only, and no run deletes the rows of another run. */
export function checkSlices(dag: Dag, loads: readonly LocatedLoad[], report: Report): void {
  for (const load of loads) {
    if (checkParts(slicePartsOf(dag, load.task), load, report)) checkGrain(dag, load, report);
  }
}

/** `a-b` + `c` must not be the same slice as `a` + `b-c`: the character after a value ends it. Filling a slice checks the values that come with a run. */
function checkParts(parts: readonly SlicePart[], { sliceAt }: LocatedLoad, report: Report): boolean {
  const values = parts.flatMap((part, index) =>
    part.kind === "free" || (part.kind === "choice" && !isTime(part)) ? [{ part, index }] : [],
  );
  for (const { part, index } of values.slice(0, -1)) {
    const next = parts[index + 1];
    if (next?.kind === "text") {
      const end = next.text[0] ?? "";
      const value = part.kind === "choice" ? part.values.find((one) => one.includes(end)) : undefined;
      if (value === undefined) continue;
      const hint = "Write another character after the variable: one that no value has.";
      report.error(sliceAt, "slice", `{${part.name}} of the slice can be ${JSON.stringify(value)}, and \`${end}\` stands after it`, hint);
      return false;
    }
    if (part.kind === "choice" && new Set(part.values.map((value) => value.length)).size === 1) continue;
    const hint = `Write a character after {${part.name}} that no value has, such as \`.\` or \`_\`.`;
    report.error(sliceAt, "slice", `in the slice, the value of {${part.name}} can run into what follows it`, hint);
    return false;
  }
  return true;
}

function isTime({ name }: { readonly name: string }): boolean {
  return (timeVariables as readonly string[]).includes(name);
}

/** The runs of a schedule, and the months of each_month, have slices of their own. */
function checkGrain(dag: Dag, { task, modeAt, sliceAt }: LocatedLoad, report: Report): void {
  const { mode } = task;
  const times = sliceTimes(dag, task);
  if (dag.eachMonth !== null) {
    if (mode.kind === "replace") {
      const hint = 'Write `mode: append` with `slice: "{year}-{month}"`, or `mode: upsert`.';
      report.error(
        modeAt,
        "coarse-mode",
        "with `each_month`, mode replace leaves the rows of one month: each takes those of the others away",
        hint,
      );
    }
    if (mode.kind === "append" && mode.slice !== null && !(times.has("year") && times.has("month"))) {
      const hint = 'Name the month in it: slice: "{year}-{month}".';
      report.error(
        sliceAt,
        "coarse-slice",
        "with `each_month`, the slice is the same for several months: each deletes the rows of the one before",
        hint,
      );
    }
    return;
  }
  if (dag.schedule.kind !== "cron" || times.size === 0) return;
  const same = runsOfOneSlice(dag.schedule.expression, times);
  if (same === null) return;
  const hint =
    "Name the time of the run in it (year, month, day, hour), let the DAG run no more often than the slice changes, or use mode upsert.";
  const message = `the slice is the same for the runs of ${same.join(" and ")}: each deletes the rows of the one before`;
  report.error(sliceAt, "coarse-slice", message, hint);
}

const START = Date.UTC(2024, 0);
const DAY = 86_400_000;
/** A weekday comes back to its date after eleven years at most: 572 weeks. */
const DAYS = 600;

/** Two runs of the schedule, by the clock, that have the same slice. */
function runsOfOneSlice(expression: string, times: ReadonlySet<string>): [string, string] | null {
  const cron = parseCron(expression);
  if ("message" in cron) return null;
  const first = nextTime(cron, START - 1);
  const minute = cron.minutes.find((one, index) => index > 0 && (!times.has("hour") || sameHour(one, cron.minutes[index - 1])));
  if (minute !== undefined) {
    const day = first - (first % DAY);
    const before = cron.minutes[cron.minutes.indexOf(minute) - 1] ?? 0;
    return [runText(day + before * 60_000), runText(day + minute * 60_000)];
  }
  // Each of the remaining hours has one run a day: two days with one name are two runs with one slice.
  if (times.has("year") && times.has("month") && times.has("day")) return null;
  const seen = new Map<string, number>();
  for (let n = 0, run = first; n < DAYS; n++, run = nextTime(cron, run - (run % DAY) + DAY - 1)) {
    const name = dayName(run, times);
    const before = seen.get(name);
    if (before !== undefined) return [runText(before), runText(run)];
    seen.set(name, run);
  }
  return null;
}

function sameHour(one: number, other = Number.NaN): boolean {
  return Math.floor(one / 60) === Math.floor(other / 60);
}

function dayName(run: number, times: ReadonlySet<string>): string {
  const [year, month, day] = runText(run).split(/[-T]/);
  return JSON.stringify(Object.entries({ year, month, day }).filter(([name]) => times.has(name)));
}

function runText(run: number): string {
  return new Date(run).toISOString().slice(0, 16);
}
