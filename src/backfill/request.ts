import { UserError } from "../errors.ts";
import { type DagId, parseDagId } from "../ids.ts";
import type { JsonValue } from "../scrape/model.ts";
import { OVERWRITE_NEWER } from "../scrape/reserved-params.ts";
import { checkDateTime } from "../scrape/times.ts";

/** As Airflow's backfill API names them: leave runs that exist, run the failed ones again, run all ended ones again. */
export const reprocessBehaviours = ["none", "failed", "completed"] as const;
export type Reprocess = (typeof reprocessBehaviours)[number];

/** What one run of a DAG without a schedule is for. */
export const everyChoices = ["month", "day"] as const;
export type Every = (typeof everyChoices)[number];

export interface BackfillRequest {
  readonly dag: DagId;
  /** The first logical date, `2023-01`, `2023-01-15` or `2023-01-15T06:30`, as a clock in the DAG's time zone shows it. */
  readonly from: string;
  /** The last one, itself included: of a month or a day, its end. */
  readonly to: string;
  /** Null for a DAG with a schedule; for one without, null is what `from` is written in. */
  readonly every: Every | null;
  readonly reprocess: Reprocess;
  readonly maxActiveRuns: number;
  /** More runs than these are refused: a range is mistyped more easily than it is run. */
  readonly maxRuns: number;
  readonly newestFirst: boolean;
  readonly params: Readonly<Record<string, JsonValue>>;
}

/** The inputs of a person or a workflow: all text; what is missing or empty has its default. */
export interface BackfillInputs {
  readonly dag: string;
  readonly from: string;
  readonly to: string;
  readonly every?: string | undefined;
  readonly reprocess?: string | undefined;
  readonly max_active_runs?: string | undefined;
  readonly max_runs?: string | undefined;
  readonly newest_first?: string | undefined;
  /** `true`: each run gets the param that lets it overwrite the rows of newer runs. */
  readonly overwrite_newer?: string | undefined;
  readonly params?: string | undefined;
}

export const backfillDefaults = {
  reprocess: "none",
  max_active_runs: "3",
  max_runs: "1000",
  newest_first: "false",
  overwrite_newer: "false",
  params: "{}",
} as const;

const moment = "a month (2023-01), a day (2023-01-15) or a time (2023-01-15T06:30), in the DAG's time zone";

/** What the inputs that a person types take, each by itself: an action checks them with its others. */
export const backfillInputs = {
  dag: { pattern: { test: (text: string) => dagId(text) !== undefined }, takes: "the id of a DAG" },
  from: { pattern: { test: (text: string) => dateOf(text) !== undefined }, takes: moment },
  to: { pattern: { test: (text: string) => dateOf(text) !== undefined }, takes: moment },
  params: {
    pattern: { test: (text: string) => jsonObject(text) !== undefined },
    takes: 'a JSON object, for example {"taxi_type":"green"}',
  },
} as const;

/** Checks the inputs; throws one UserError that names every wrong one and what it takes. */
export function parseBackfillRequest(inputs: BackfillInputs): BackfillRequest {
  const problems: string[] = [];
  const read = <T>(name: keyof BackfillInputs, parse: (text: string) => T | undefined, allowed: string, fallback: T): T => {
    const given = (inputs[name] ?? "").trim();
    const text = given === "" && name in backfillDefaults ? backfillDefaults[name as keyof typeof backfillDefaults] : given;
    const value = parse(text);
    if (value === undefined)
      problems.push(`${name} is ${text === "" ? "missing" : JSON.stringify(text.slice(0, 80))}: it takes ${allowed}`);
    return value ?? fallback;
  };
  const { dag, from, to, params } = backfillInputs;
  const overwrites = read("overwrite_newer", yesOrNo, "true or false", false);
  const request = {
    dag: read("dag", dagId, dag.takes, "_" as DagId),
    from: read("from", dateOf, from.takes, ""),
    to: read("to", dateOf, to.takes, ""),
    every: read("every", (text) => (text === "" ? null : oneOf(everyChoices, text)), "month, day or nothing", null),
    reprocess: read("reprocess", (text) => oneOf(reprocessBehaviours, text), "none, failed or completed", "none"),
    maxActiveRuns: read("max_active_runs", (text) => whole(text, 100), "a whole number from 1 to 100", 1),
    maxRuns: read("max_runs", (text) => whole(text, 10_000), "a whole number from 1 to 10000", 1),
    newestFirst: read("newest_first", yesOrNo, "true or false", false),
    params: { ...read("params", jsonObject, params.takes, {}), ...(overwrites ? { [OVERWRITE_NEWER]: true } : {}) },
  };
  if (problems.length === 0 && earliest(request.from) > earliest(request.to)) {
    problems.push(`from (${request.from}) is after to (${request.to}): from is the first day of the range, to the last`);
  }
  if (problems.length > 0) throw new UserError(problems.join("\n"), { hint: "Nothing was started." });
  return request;
}

function dagId(text: string): DagId | undefined {
  return /^[A-Za-z_][A-Za-z0-9_]{0,199}$/.test(text) ? parseDagId(text) : undefined;
}

function dateOf(text: string): string | undefined {
  if (/^\d{4}-\d{2}$/.test(text)) return checkDateTime(`${text}-01`) === null ? text : undefined;
  return /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2})?$/.test(text) && checkDateTime(text) === null ? text : undefined;
}

function earliest(text: string): string {
  return text.length === 7 ? `${text}-01` : text;
}

function oneOf<T extends string>(choices: readonly T[], text: string): T | undefined {
  return choices.find((choice) => choice === text);
}

function whole(text: string, most: number): number | undefined {
  const number = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  return number >= 1 && number <= most ? number : undefined;
}

function yesOrNo(text: string): boolean | undefined {
  return text === "true" ? true : text === "false" ? false : undefined;
}

function jsonObject(text: string): Readonly<Record<string, JsonValue>> | undefined {
  try {
    const value = JSON.parse(text) as JsonValue;
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Readonly<Record<string, JsonValue>>;
  } catch {
    // the caller's message says it
  }
  return undefined;
}
