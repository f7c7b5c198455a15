import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readPointer } from "../deploy/read-bucket.ts";
import { TransientError, UserError } from "../errors.ts";
import { type ReleaseId, shortId } from "../ids.ts";
import type { Log } from "../log.ts";
import type { Pointer } from "../release/layout.ts";
import type { Manifest } from "../release/manifest.ts";
import { collectGarbage } from "./collect-garbage.ts";
import type { Host } from "./host.ts";
import { installRelease, restoreRelease } from "./install.ts";
import { serveLeaving } from "./leaving.ts";
import { applyPauses, pausedNames } from "./pauses.ts";
import { whileReloading } from "./reload-lock.ts";
import { type Active, lastProven, readStanding, type Standing, writeStanding } from "./standing.ts";
import { proveServed, touchDags } from "./switch.ts";
import { isHostFault } from "./system-errors.ts";
import type { Trial } from "./try-release.ts";
import { type Undone, undo } from "./undo.ts";

/** The proof that the host serves a release. */
export interface Proof {
  readonly ok: true;
  readonly release: ReleaseId;
  readonly previous: ReleaseId | null;
  readonly commit: string | null;
  readonly dags: number;
  /** The DAGs that deploys removed and that finish their runs. */
  readonly leaving: readonly string[];
  /** The DAGs of the release that Airflow has paused; null: too many to name. */
  readonly paused: readonly string[] | null;
  readonly seconds: { readonly fetch: number; readonly try: number; readonly switch: number; readonly prove: number };
  readonly changed: boolean;
}

/** Why the host stayed on the release before. `cause` is the reason. */
export class ReloadFailure extends Error {
  override readonly cause: unknown;
  readonly release: ReleaseId;
  readonly undone: Undone;

  constructor(cause: unknown, release: ReleaseId, undone: Undone) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.cause = cause;
    this.release = release;
    this.undone = undone;
  }
}

/**
 * Brings the host to the release that the pointer names and proves that Airflow serves it: docs/architecture.md, "The host's folder".
 * `expected` is the release that the caller deployed: when the pointer names another one by now, nothing is done.
 * Whatever fails, the host is back on the release before when this throws a ReloadFailure; killed at any point, the next reload goes on from there.
 */
export async function reload(host: Host, expected: ReleaseId | "current"): Promise<Proof> {
  return whileReloading(host.home, host.log, async () => {
    removeLeftovers(host.home);
    const current = await readPointer(host.store);
    if (current === undefined)
      throw new UserError(`nothing is deployed in ${host.store.address}`, { hint: "Deploy first: `dagline sync`." });
    const target = current.pointer.release;
    if (expected !== "current" && expected !== target) {
      throw new TransientError(`release ${shortId(expected)} is no longer the deployed one: the pointer names ${shortId(target)}`, {
        hint: "Another deploy or a rollback came in between. Reload again to follow it.",
      });
    }
    const standing = readStanding(host.home);
    if (standing.kind === "switching") host.log.warn("the reload before this one did not end: going on from what it left");
    try {
      return await bringTo(host, current.pointer, standing);
    } catch (error) {
      const failure = { failed: target, from: lastProven(standing), etag: current.etag, releaseAtFault: !isHostFault(error) };
      throw new ReloadFailure(error, target, await undo(host, failure));
    }
  });
}

async function bringTo(host: Host, pointer: Pointer, standing: Standing): Promise<Proof> {
  const { home, log } = host;
  const id = pointer.release;
  const settled = standing.kind === "proven" && standing.active.release === id ? standing.active : undefined;
  const from = lastProven(standing);
  const clock = stopwatch();
  const trial = settled === undefined ? host.prepareTrial() : undefined;
  try {
    await checkHealth(host);
    const { manifest, commit, written } = await (from?.release === id ? restoreRelease : installRelease)(host, id);
    if (settled !== undefined && written.length > 0) log.warn(`mended what was altered on this host: ${written.slice(0, 5).join(", ")}`);
    const fetch = clock();

    if (trial !== undefined) {
      log.info(`trying ${Object.keys(manifest.dags).length} DAGs`);
      await trial.run(id, manifest);
    }
    const tried = clock();

    const since = host.now();
    const active = settled ?? {
      release: id,
      previous: previousOf(id, from),
      commit: pointer.commit ?? commit,
      activated_at: since.toISOString(),
    };
    if (settled === undefined) switchTo(host, manifest, active, from);
    else if (written.length > 0) touchDags(home, id, manifest, since);
    await serveLeaving(host, id, manifest);
    const switched = clock();

    log.info("waiting until Airflow serves it");
    await proveServed(host, id, manifest, since);
    if (settled === undefined) await applyPauses(host, from?.release, id);
    if (settled === undefined) writeStanding(home, { kind: "proven", active });
    const seconds = { fetch, try: tried, switch: switched, prove: clock() };
    // A run may have begun just before the switch.
    const leaving = await serveLeaving(host, id, manifest);
    await collectGarbage(host);
    return {
      ok: true,
      release: id,
      previous: active.previous,
      commit: active.commit,
      dags: Object.keys(manifest.dags).length,
      leaving: leaving ?? [],
      paused: await namesOfPaused(host),
      seconds,
      changed: settled === undefined || written.length > 0,
    };
  } finally {
    if (trial !== undefined) end(trial, log);
  }
}

function switchTo(host: Host, manifest: Manifest, active: Active, from: Active | undefined): void {
  host.log.info(`switching to release ${shortId(active.release)}`);
  writeStanding(host.home, { kind: "switching", active, from: from ?? null });
  host.log.info("switched");
  touchDags(host.home, active.release, manifest, host.now());
}

/** Told for information: no reason to undo a release that was proven. */
async function namesOfPaused({ airflow, log }: Host): Promise<Proof["paused"]> {
  try {
    return pausedNames(await airflow.paused(), true);
  } catch (error) {
    log.warn(`Airflow does not tell which DAGs are paused: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}

/** What it leaves is removed by the next reload: no reason to undo a release that was proven. */
function end(trial: Trial, log: Log): void {
  try {
    trial.close();
  } catch (error) {
    log.warn(`the folder of the trial could not be removed: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** An Airflow that is down can't prove anything: better told before anything is switched. */
async function checkHealth({ airflow }: Host): Promise<void> {
  const problems = await airflow.unhealthy();
  if (problems.length === 0) return;
  throw new TransientError(`Airflow is not healthy: ${problems.join(", ")}`, {
    hint: "Look at its services on the host, then reload again.",
  });
}

/** Going back to the release that was proven last keeps the one before it in mind. */
function previousOf(id: ReleaseId, from: Active | undefined): ReleaseId | null {
  return from === undefined ? null : from.release === id ? from.previous : from.release;
}

/** Removes what an agent that was stopped half-way left. */
function removeLeftovers(home: string): void {
  for (const name of readdirSync(home)) {
    if (name.startsWith("try-") || name === "active.json.new") rmSync(join(home, name), { recursive: true, force: true });
  }
}

/** Seconds since it was last asked. */
function stopwatch(): () => number {
  let last = performance.now();
  return () => {
    const now = performance.now();
    const seconds = Math.round(now - last) / 1000;
    last = now;
    return seconds;
  };
}
