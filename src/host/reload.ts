import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readPointer } from "../deploy/read-bucket.ts";
import { TransientError, UserError } from "../errors.ts";
import { type ReleaseId, shortId } from "../ids.ts";
import type { Pointer } from "../release/layout.ts";
import type { Manifest } from "../release/manifest.ts";
import { collectGarbage } from "./collect-garbage.ts";
import { type Active, readActive, readSwitching, writeActive, writeSwitching } from "./folder.ts";
import type { Host } from "./host.ts";
import { installRelease } from "./install.ts";
import { withLock } from "./lock.ts";
import { applyPauses, pausedNames } from "./pauses.ts";
import { proveServed, touchDags } from "./switch.ts";
import { type Undone, undo } from "./undo.ts";

/** The proof that the host serves a release. */
export interface Proof {
  readonly ok: true;
  readonly release: ReleaseId;
  readonly previous: ReleaseId | null;
  readonly commit: string | null;
  readonly dags: number;
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
  const waiting = (): void => host.log.info("another reload is under way: waiting for it");
  return withLock(join(host.home, "lock.db"), { timeoutSeconds: 600, waiting }, async () => {
    removeTrials(host.home);
    const current = await readPointer(host.store);
    if (current === undefined)
      throw new UserError(`nothing is deployed in ${host.store.address}`, { hint: "Deploy first: `dagline sync`." });
    const target = current.pointer.release;
    if (expected !== "current" && expected !== target) {
      throw new TransientError(`release ${shortId(expected)} is no longer the deployed one: the pointer names ${shortId(target)}`, {
        hint: "Another deploy or a rollback came in between. Reload again to follow it.",
      });
    }
    const active = readActive(host.home);
    const switching = readSwitching(host.home);
    const from = switching === undefined ? active : (switching.from ?? undefined);
    if (switching !== undefined) host.log.warn("the reload before this one did not end: going on from what it left");
    try {
      const settled = switching === undefined && active?.release === target;
      return await bringTo(host, { pointer: current.pointer, from, settled });
    } catch (error) {
      throw new ReloadFailure(error, target, await undo(host, { failed: target, from, etag: current.etag }));
    }
  });
}

interface Change {
  readonly pointer: Pointer;
  /** The release that was last proven. */
  readonly from: Active | undefined;
  /** The release is the active one, and was proven. */
  readonly settled: boolean;
}

async function bringTo(host: Host, { pointer, from, settled }: Change): Promise<Proof> {
  const { home, store, log } = host;
  const id = pointer.release;
  const clock = stopwatch();
  const trial = settled ? undefined : host.prepareTrial();
  try {
    const [{ manifest, commit, written }] = await Promise.all([installRelease({ home, store, log }, id), checkHealth(host)]);
    if (settled && written.length > 0) log.warn(`mended what was altered on this host: ${written.slice(0, 5).join(", ")}`);
    const fetch = clock();

    if (trial !== undefined) {
      log.info(`trying ${Object.keys(manifest.dags).length} DAGs`);
      await trial.run(id, manifest);
    }
    const tried = clock();

    const since = host.now();
    if (!settled)
      switchTo(host, {
        manifest,
        from,
        active: { release: id, previous: previousOf(id, from), commit: pointer.commit ?? commit, activated_at: since.toISOString() },
      });
    else if (written.length > 0) touchDags(home, id, manifest, since);
    const switched = clock();

    log.info("waiting until Airflow serves it");
    await proveServed(host, id, manifest, since);
    if (!settled) await applyPauses(host, from?.release, id);
    const paused = pausedNames(await host.airflow.paused(), true);
    writeSwitching(home, undefined);
    const active = readActive(home);
    const seconds = { fetch, try: tried, switch: switched, prove: clock() };
    await collectGarbage(host);
    return {
      ok: true,
      release: id,
      previous: active?.previous ?? null,
      commit: active?.commit ?? null,
      dags: Object.keys(manifest.dags).length,
      paused,
      seconds,
      changed: !settled || written.length > 0,
    };
  } finally {
    trial?.close();
  }
}

function switchTo(host: Host, { manifest, from, active }: { manifest: Manifest; from: Active | undefined; active: Active }): void {
  host.log.info(`switching to release ${shortId(active.release)}`);
  writeSwitching(host.home, { from: from ?? null });
  writeActive(host.home, active);
  host.log.info("switched");
  touchDags(host.home, active.release, manifest, host.now());
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

/** Removes what an agent that was killed left of its trials. */
function removeTrials(home: string): void {
  for (const name of readdirSync(home)) {
    if (name.startsWith("try-")) rmSync(join(home, name), { recursive: true, force: true });
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
