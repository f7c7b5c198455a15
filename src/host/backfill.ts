import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { BackfillAction, HostRequest } from "../backfill/host-request.ts";
import { UserError } from "../errors.ts";
import { type DagId, parseReleaseId } from "../ids.ts";
import { didYouMean } from "../scrape/did-you-mean.ts";
import { type BackfillDag, type BackfillHost, movedSince, pausedError } from "./backfill-dag.ts";
import { checkParams } from "./backfill-params.ts";
import { backfillPeriods } from "./backfill-periods.ts";
import { backfillSchedule } from "./backfill-schedule.ts";
import { releaseDir } from "./folder.ts";
import { readActive } from "./standing.ts";

/** The agent's command `backfill`: what it answers, as one object. Throws a UserError for wrong use, TransientError when Airflow does not answer. */
export async function backfill(host: BackfillHost, action: BackfillAction, asked: HostRequest): Promise<object> {
  const dag = await findDag(host, asked.request.dag);
  const own = dag.periodic ? backfillSchedule(host, dag, asked) : backfillPeriods(host, dag, asked);
  if (action === "status") return { ok: true, ...(await own.status()) };
  if (action === "cancel") return { ok: true, ...(await own.cancel()) };
  checkParams(dag, asked.request.params);
  if (action === "dry-run") return { ok: true, ...(await own.plan()) };
  if (dag.paused) throw pausedError(dag.id);
  const moved = movedSince(dag, asked);
  if (moved !== null) throw new UserError(moved, { hint: "Nothing was started. Look at a new dry run, then start again." });
  return { ok: true, ...(await own.start()) };
}

async function findDag({ home, runs }: BackfillHost, id: DagId): Promise<BackfillDag> {
  const facts = await runs.dag(id);
  if (facts === undefined) {
    throw new UserError(`there is no DAG ${id} in Airflow`, { hint: didYouMean(id, deployedDags(home)) || "Is it deployed?" });
  }
  if (facts.broken) throw new UserError(`${id} does not import in Airflow`, { hint: "`dagline reload` says why." });
  return { ...facts, id, eachMonth: eachMonthOf(home, facts.release, id) };
}

function deployedDags(home: string): string[] {
  const active = readActive(home);
  if (active === undefined) return [];
  const files = readdirSync(join(releaseDir(home, active.release), "dags"));
  return files.filter((file) => file.endsWith(".py")).map((file) => file.slice(0, -3));
}

/** Read from the very release that Airflow serves the DAG of. */
function eachMonthOf(home: string, release: string | null, dag: DagId): BackfillDag["eachMonth"] {
  if (release === null || !/^[0-9a-f]{64}$/.test(release)) return null;
  try {
    const spec: unknown = JSON.parse(readFileSync(join(releaseDir(home, parseReleaseId(release)), "specs", `${dag}.json`), "utf8"));
    return (spec as { each_month?: BackfillDag["eachMonth"] }).each_month ?? null;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}
