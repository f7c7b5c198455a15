import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { pythonBin, root } from "../../local/paths.ts";

/** Milliseconds: the start of an interval, and its end, when the run is due. */
export type Interval = readonly [start: number, end: number];

export interface TimesCase {
  readonly expression: string;
  readonly zone: string;
  readonly moments: readonly number[];
}

export interface RunsCase {
  readonly expression: string;
  readonly zone: string;
  readonly earliest: number;
  readonly latest: number | null;
  readonly catchup: boolean;
  readonly now: number;
  readonly last: Interval | null;
}

export interface ParamCase {
  readonly schema: unknown;
  readonly values: readonly unknown[];
}

/** What the installed Airflow makes of each case, in their order. */
export interface AirflowAnswers {
  /** The times before and after each moment, or why a DAG with this schedule is not imported. */
  readonly times: readonly ({ readonly times: readonly Interval[] } | { readonly refused: string })[];
  /** `fails`: Airflow's scheduler has an error at this very moment, and none an hour later. */
  readonly runs: readonly (
    | { readonly count: number; readonly first: Interval | null; readonly last: Interval | null; readonly next: Interval | null }
    | { readonly fails: true }
  )[];
  /** For each value, why it is refused; null: it is taken. */
  readonly params: readonly (readonly (string | null)[])[];
}

/** One Python process for all of it: an import of Airflow takes seconds. */
export async function askAirflow(cases: {
  readonly times: readonly TimesCase[];
  readonly runs: readonly RunsCase[];
  readonly params: readonly ParamCase[];
}): Promise<AirflowAnswers> {
  const home = mkdtempSync(join(tmpdir(), "dagline-judge-"));
  try {
    const env = { PATH: process.env.PATH, HOME: home, AIRFLOW_HOME: home, PYTHONPATH: join(root, "airflow"), PYTHONDONTWRITEBYTECODE: "1" };
    const judge = spawn(join(pythonBin, "python"), [join(import.meta.dirname, "airflow-judge.py")], {
      env,
      stdio: ["pipe", "pipe", "inherit"],
      timeout: 120_000,
    });
    judge.stdin.end(JSON.stringify(cases));
    const [answers] = await Promise.all([json(judge.stdout), once(judge, "exit")]);
    return answers as AirflowAnswers;
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
