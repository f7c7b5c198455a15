// One reload in a process of its own, on a real folder, killed with -9 at its n-th change: `node killable-reload.ts HOME BUCKET VERDICT N` (0: never).
// Airflow is a double that serves what active.json names; with the verdict "bad" the newest release does not import there.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import type { ObjectStore } from "../../src/deploy/object-store.ts";
import type { Airflow } from "../../src/host/airflow.ts";
import { readActive, releaseDir } from "../../src/host/folder.ts";
import { reload } from "../../src/host/reload.ts";
import { parseDagId } from "../../src/ids.ts";
import { silentLog } from "../../src/log.ts";
import { parseManifest } from "../../src/release/manifest.ts";
import { folderStore } from "./folder-store.ts";
import { countChanges } from "./kill-at.ts";

const [home = "", bucket = "", verdict = "good", killAt = "0"] = process.argv.slice(2);
const server = folderStore(bucket);
const { step, elsewhere, count } = countChanges(Number(killAt));

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

const activeDags = () => {
  const active = readActive(home);
  if (active === undefined) return undefined;
  const manifest = parseManifest(readFileSync(join(releaseDir(home, active.release), "manifest.json")));
  return { release: active.release, dags: Object.keys(manifest.dags).map(parseDagId), bad: JSON.stringify(manifest).includes("bad") };
};
const airflow: Airflow = {
  async countServed(release) {
    step();
    const served = activeDags();
    return { all: served?.dags.length ?? 0, ofRelease: served?.release === release ? served.dags.length : 0 };
  },
  async served() {
    const served = activeDags();
    return (served?.dags ?? []).map((dag) => ({
      dag,
      release: served?.release ?? null,
      file: join(releaseDir(home, served?.release ?? readFail()), "dags", `${dag}.py`),
    }));
  },
  async importErrors() {
    const served = activeDags();
    return verdict === "bad" && served?.bad === true
      ? [{ file: `${basename(served.dags[0] ?? "")}.py`, trace: "NameError: x", at: new Date() }]
      : [];
  },
  unhealthy: async () => [],
  runsInFlight: async () => ({}),
  isInUse: async () => false,
};

try {
  const proof = await reload(
    {
      home,
      store,
      airflow,
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
  process.stdout.write(JSON.stringify({ ok: true, release: proof.release, changes: count() }));
} catch (error) {
  process.stdout.write(JSON.stringify({ ok: false, message: error instanceof Error ? error.message : String(error), changes: count() }));
}

function readFail(): never {
  throw new Error("nothing is active");
}
