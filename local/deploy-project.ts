import { type Proof, reload } from "../src/deploy/reload.ts";
import { sync } from "../src/deploy/sync.ts";
import type { Log } from "../src/log.ts";
import type { Release } from "../src/release/build-release.ts";
import { renderProject } from "../src/release/render-project.ts";
import { currentCommit } from "../src/services/git.ts";
import type { Stack } from "./stack.ts";

/** What is deployed now, and how long it took to check and render, to sync, and to reload. */
export interface Deployed {
  readonly release: Release;
  readonly proof: Proof;
  readonly seconds: { readonly render: number; readonly sync: number; readonly reload: number };
}

/** Checks, renders, syncs and reloads what lies under `scrapes/` now. Throws what a person should see; the host is then as it was. */
export async function deployProject(
  stack: Pick<Stack, "store" | "commands">,
  root: string,
  log: Log,
  signal: AbortSignal,
): Promise<Deployed> {
  const clock = stopwatch();
  const release = await renderProject(root, log);
  const render = clock();
  await sync(release, stack.store, { commit: currentCommit(root), now: new Date(), log });
  const synced = clock();
  const proof = await reload(stack.commands, { release: release.id, timeoutSeconds: 300, signal });
  return { release, proof, seconds: { render, sync: synced, reload: clock() } };
}

/** Each call gives the seconds since the one before. */
function stopwatch(): () => number {
  let last = performance.now();
  return () => {
    const now = performance.now();
    const seconds = Math.round((now - last) / 10) / 100;
    last = now;
    return seconds;
  };
}
