import { readPointer } from "../deploy/read-bucket.ts";
import { type ReleaseId, shortId } from "../ids.ts";
import { pointerKey, printPointer } from "../release/layout.ts";
import { type Active, readActive, writeActive, writeSwitching } from "./folder.ts";
import type { Host } from "./host.ts";
import { installRelease } from "./install.ts";
import { proveServed, touchDags } from "./switch.ts";

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
}

/**
 * Brings the host back to the release that was last proven, proves it, and moves the pointer back to it unless somebody moved it meanwhile.
 * What goes wrong here is told, not thrown: the reason why the new release failed matters more.
 */
export async function undo(host: Host, failure: Failure): Promise<Undone> {
  const { failed, from } = failure;
  if (from?.release === failed) return { active: failed, problems: [] }; // there was no change to undo
  const problems: string[] = [];
  const step = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      problems.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  // An earlier reload that was killed may have left a third release active.
  if (readActive(host.home)?.release !== from?.release) await step("the host could not be brought back", () => switchBack(host, from));
  writeSwitching(host.home, undefined);
  await step(`${pointerKey} could not be moved back`, () => movePointerBack(host, failure));
  return { active: readActive(host.home)?.release ?? null, problems };
}

async function switchBack(host: Host, from: Active | undefined): Promise<void> {
  if (from === undefined) {
    host.log.info("going back: no release was active");
    writeActive(host.home, undefined);
  } else {
    host.log.info(`going back to release ${shortId(from.release)}`);
    const { manifest } = await installRelease(host, from.release);
    const since = host.now();
    writeActive(host.home, from);
    touchDags(host.home, from.release, manifest, since);
    host.log.info("waiting until Airflow serves it again");
    await proveServed(host, from.release, manifest, since);
  }
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
