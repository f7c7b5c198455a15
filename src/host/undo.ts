import { readPointer } from "../deploy/read-bucket.ts";
import { type ReleaseId, shortId } from "../ids.ts";
import { pointerKey, printPointer } from "../release/layout.ts";
import type { Host } from "./host.ts";
import { restoreRelease } from "./install.ts";
import { serveLeaving } from "./leaving.ts";
import { type Active, readActive, readStanding, writeStanding } from "./standing.ts";
import { proveServed, touchDags } from "./switch.ts";
import { explainHostError } from "./system-errors.ts";

/** How the host was brought back. */
export interface Undone {
  /** The release that is active now. */
  readonly active: ReleaseId | null;
  /** In words, what could not be undone. */
  readonly problems: readonly string[];
}

export interface Failure {
  readonly failed: ReleaseId;
  /** The release that was last proven. */
  readonly from: Active | undefined;
  /** The pointer's version that named the failed release. */
  readonly etag: string;
  /** Whether the release may be at fault; false when this machine could not take it. */
  readonly releaseAtFault: boolean;
}

/**
 * Brings the host back to the release that was last proven and proves it. Only then is the pointer moved back to it, unless somebody moved it
 * meanwhile. A host that could not be brought back stays `switching`, so that the next reload still knows where to go back to.
 * What goes wrong here is told, not thrown: the reason why the new release failed matters more.
 */
export async function undo(host: Host, failure: Failure): Promise<Undone> {
  const { failed, from } = failure;
  const problems: string[] = [];
  const step = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      const known = explainHostError(error, host.home);
      problems.push(`${what}: ${known instanceof Error ? known.message : String(known)}`);
    }
  };
  if (from?.release !== failed) {
    await step("the host could not be brought back", () => goBack(host, from));
    if (problems.length > 0) problems.push(`${pointerKey} still names release ${shortId(failed)}: the next reload goes on from here`);
    else if (failure.releaseAtFault) await step(`${pointerKey} could not be moved back`, () => movePointerBack(host, failure));
    else problems.push(`${pointerKey} still names release ${shortId(failed)}: the next reload tries it again`);
  }
  let active: ReleaseId | null = null;
  await step("active.json can't be read", async () => {
    active = readActive(host.home)?.release ?? null;
  });
  return { active, problems };
}

async function goBack(host: Host, from: Active | undefined): Promise<void> {
  const standing = readStanding(host.home);
  if (standing.kind === "proven" && standing.active.release === from?.release) return; // nothing was switched
  if (from === undefined) {
    if (standing.kind === "empty") return;
    host.log.info("going back: no release was active");
    writeStanding(host.home, { kind: "empty" });
    return;
  }
  host.log.info(`going back to release ${shortId(from.release)}`);
  const { manifest } = await restoreRelease(host, from.release);
  const since = host.now();
  writeStanding(host.home, { kind: "switching", active: from, from });
  touchDags(host.home, from.release, manifest, since);
  await serveLeaving(host, from.release, manifest);
  host.log.info("waiting until Airflow serves it again");
  await proveServed(host, from.release, manifest, since);
  writeStanding(host.home, { kind: "proven", active: from });
}

async function movePointerBack(host: Host, { failed, from, etag }: Failure): Promise<void> {
  if (from === undefined) {
    throw new Error(`it names the first release, ${shortId(failed)}, and there is none before it. Deploy a mended one`);
  }
  host.log.info(`moving ${pointerKey} back`);
  const { release, previous, commit } = from;
  const pointer = printPointer({ release, previous, commit, deployed_at: host.now().toISOString() });
  const moved = await host.store.put(pointerKey, pointer, { ifMatch: etag, contentType: "application/json" });
  if (moved !== "conflict") return;
  const current = await readPointer(host.store);
  if (current?.pointer.release === failed) throw new Error("it was written anew meanwhile and names the release that failed");
  host.log.info(`${pointerKey} was moved meanwhile: left as it is`);
}
