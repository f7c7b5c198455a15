import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { BackfillAction, HostRequest } from "../backfill/host-request.ts";
import { UserError } from "../errors.ts";
import { didYouMean } from "../scrape/did-you-mean.ts";
import { type BackfillDag, type BackfillHost, movedSince, pausedError } from "./backfill-dag.ts";
import { checkParams } from "./backfill-params.ts";
import { backfillPeriods } from "./backfill-periods.ts";
import { backfillSchedule } from "./backfill-schedule.ts";
import { releaseDir } from "./folder.ts";
import { readReleasedSpec } from "./released-spec.ts";
import { readActive } from "./standing.ts";

/** The agent's command `backfill`: what it answers, as one object. Throws a UserError for wrong use, TransientError when Airflow does not answer. */
export async function backfill(host: BackfillHost, action: BackfillAction, asked: HostRequest): Promise<object> {
  const dag = await findDag(host, asked);
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

async function findDag({ home, runs }: BackfillHost, { request: { dag: id }, release }: HostRequest): Promise<BackfillDag> {
  const facts = await runs.dag(id);
  if (facts === undefined) {
    throw new UserError(`there is no DAG ${id} in Airflow`, { hint: didYouMean(id, deployedDags(home)) || "Is it deployed?" });
  }
  if (facts.broken) throw new UserError(`${id} does not import in Airflow`, { hint: "`dagline reload` says why." });
  // A backfill keeps the dates that were planned, also when a release with another time zone comes meanwhile.
  const spec = readReleasedSpec(home, release ?? facts.release, id);
  return { ...facts, id, eachMonth: spec.each_month, timezone: spec.timezone };
}

function deployedDags(home: string): string[] {
  const active = readActive(home);
  if (active === undefined) return [];
  const files = readdirSync(join(releaseDir(home, active.release), "dags"));
  return files.filter((file) => file.endsWith(".py")).map((file) => file.slice(0, -3));
}
