import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import type { ObjectStore } from "../../src/deploy/object-store.ts";
import type { Airflow } from "../../src/host/airflow.ts";
import { releaseDir } from "../../src/host/folder.ts";
import { reload } from "../../src/host/reload.ts";
import { readActive } from "../../src/host/standing.ts";
import { parseDagId } from "../../src/ids.ts";
import { silentLog } from "../../src/log.ts";
import { parseManifest } from "../../src/release/manifest.ts";
import { folderStore } from "./folder-store.ts";
import type { Changes } from "./kill-at.ts";

export interface Outcome {
  readonly ok: boolean;
  readonly release?: string;
  readonly changed?: boolean;
  readonly message?: string;
}

const uncounted: Omit<Changes, "count"> = { step: () => {}, elsewhere: (work) => work() };

/** One reload on a real folder, with the double of Airflow below. */
export async function reloadOnce(home: string, bucket: string, verdict: string, { step, elsewhere } = uncounted): Promise<Outcome> {
  const server = folderStore(bucket);
  /** The moments before each request, and after a pointer's: the answer may be lost. */
  const store: ObjectStore = {
    ...server,
    async get(key) {
      step();
      return server.get(key);
    },
    async put(key, body, options) {
      step();
      const outcome = await elsewhere(() => server.put(key, body, options));
      step();
      return outcome;
    },
  };

  try {
    const proof = await reload(
      {
        home,
        store,
        airflow: airflowOn(home, verdict, step),
        prepareTrial() {
          mkdirSync(home, { recursive: true });
          const folder = mkdtempSync(join(home, "try-"));
          return { run: async () => step(), close: () => rmSync(folder, { recursive: true, force: true }) };
        },
        now: () => new Date(),
        log: silentLog,
      },
      "current",
    );
    return { ok: true, release: proof.release, changed: proof.changed };
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}

/** Serves what active.json names; with the verdict "bad" the newest release does not import. */
export function airflowOn(home: string, verdict: string, step = (): void => {}): Airflow {
  const activeDags = () => {
    const active = readActive(home);
    if (active === undefined) return undefined;
    const manifest = parseManifest(readFileSync(join(releaseDir(home, active.release), "manifest.json")));
    return { release: active.release, dags: Object.keys(manifest.dags).map(parseDagId), bad: JSON.stringify(manifest).includes("bad") };
  };
  return {
    async countServed(release) {
      step();
      const served = activeDags();
      return { all: served?.dags.length ?? 0, ofRelease: served?.release === release ? served.dags.length : 0 };
    },
    async served() {
      step();
      const served = activeDags();
      return (served?.dags ?? []).map((dag) => ({
        dag,
        release: served?.release ?? null,
        file: join(releaseDir(home, served?.release ?? readFail()), "dags", `${dag}.py`),
      }));
    },
    async importErrors() {
      step();
      const served = activeDags();
      return verdict === "bad" && served?.bad === true
        ? [{ file: `${basename(served.dags[0] ?? "")}.py`, trace: "NameError: x", at: new Date() }]
        : [];
    },
    async unhealthy() {
      step();
      return [];
    },
    unfinishedRuns: async () => [],
    servedBeside: async () => [],
    async paused() {
      step();
      return [];
    },
    setPaused: async () => {},
    isInUse: async () => false,
  };
}

function readFail(): never {
  throw new Error("nothing is active");
}
