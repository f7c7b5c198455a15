import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { releaseDir } from "../../src/host/folder.ts";
import type { Host } from "../../src/host/host.ts";
import { applyPauses, pausedNames } from "../../src/host/pauses.ts";
import { parseDagId } from "../../src/ids.ts";
import { silentLog } from "../../src/log.ts";
import { makeRelease } from "./make-release.ts";

const home = mkdtempSync(join(tmpdir(), "dagline-pauses-"));
test.after(() => rmSync(home, { recursive: true }));

const active = "active";
const paused = "paused";

/** Installs a release whose DAGs say so; undefined: a DAG without a definition, as in old releases. */
function install(dags: Readonly<Record<string, typeof active | typeof paused | undefined>>, tag = "") {
  const files = Object.entries(dags).flatMap(([dag, state]) =>
    state === undefined ? [] : [[`definitions/${dag}.json`, JSON.stringify(state === paused ? { dag, paused: true, tag } : { dag, tag })]],
  );
  const release = makeRelease({ dags: Object.fromEntries(Object.keys(dags).map((dag) => [dag, ""])), files: Object.fromEntries(files) });
  const dir = releaseDir(home, release.id);
  for (const [path, bytes] of [...release.files, ["manifest.json", release.manifestBytes] as const]) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), bytes);
  }
  return release.id;
}

/** What the agent asks of Airflow when the host goes from one release to the other. */
async function asked(from: ReturnType<typeof install> | undefined, to: ReturnType<typeof install>): Promise<[string, boolean][]> {
  const calls: [string, boolean][] = [];
  const setPaused = async (dag: string, is: boolean): Promise<void> => void calls.push([dag, is]);
  await applyPauses({ home, log: silentLog, airflow: { setPaused } } as unknown as Host, from, to);
  return calls;
}

test("a deploy that changes `paused` pauses and unpauses just those DAGs, pauses first", async () => {
  const before = install({ a: paused, b: active, c: active, d: paused });
  const after = install({ a: active, b: paused, c: active, d: paused });
  assert.equal(await asked(before, after), [
    ["b", true],
    ["a", false],
  ]);
  assert.equal(await asked(after, before), [
    ["a", true],
    ["b", false],
  ]);
});

test("another change of a DAG leaves its pause to people", async () => {
  assert.equal(await asked(install({ a: paused, b: active }), install({ a: paused, b: active }, "changed")), []);
});

test("a DAG that is new, or comes back, is only ever paused: its YAML may say what Airflow has forgotten or kept", async () => {
  assert.equal(await asked(install({ a: active }), install({ a: active, b: paused, c: active })), [["b", true]]);
  assert.equal(await asked(undefined, install({ b: paused, c: active })), [["b", true]]);
});

test("a release that has no definitions, and one that is gone from the host, change no pause", async () => {
  assert.equal(await asked(install({ a: undefined }), install({ a: active })), []);
  assert.equal(await asked(install({ a: active }), install({ a: undefined })), []);
});

test("paused DAGs are named in order, those of no release apart; too many for an answer are not named", () => {
  const dags = [
    { dag: parseDagId("z"), served: true },
    { dag: parseDagId("a"), served: true },
    { dag: parseDagId("gone"), served: false },
  ];
  assert.equal([pausedNames(dags, true), pausedNames(dags, false)], [["a", "z"], ["gone"]]);
  const many = Array.from({ length: 300 }, (_, index) => ({ dag: parseDagId(`a_dag_with_a_name_${index}`), served: true }));
  assert.is(pausedNames(many, true), null);
});

test.run();
