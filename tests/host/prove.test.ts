import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Airflow, ImportError } from "../../src/host/airflow.ts";
import { DagError } from "../../src/host/blame.ts";
import { prove } from "../../src/host/prove.ts";
import { parseDagId } from "../../src/ids.ts";
import { makeRelease } from "../deploy/make-release.ts";
import { rejects } from "../rejects.ts";

const { id, manifest } = makeRelease({ dags: 2 });
const since = new Date("2024-01-01T00:00:00Z");

/** An Airflow that serves the whole release, and reports these import errors. */
function airflowWith(...errors: ImportError[]): Airflow {
  const dags = Object.keys(manifest.dags).map(parseDagId);
  return {
    countServed: async () => ({ all: dags.length, ofRelease: dags.length }),
    served: async () => dags.map((dag) => ({ dag, release: id, file: `/home/releases/${id}/dags/${dag}.py` })),
    importErrors: async () => errors,
    unhealthy: async () => [],
    unfinishedRuns: async () => [],
    servedBeside: async () => [],
    paused: async () => [],
    setPaused: async () => {},
    isInUse: async () => false,
  };
}

const readAgain = new Date("2024-01-01T00:00:03Z");
const proof = (airflow: Airflow, touch: () => Date = () => readAgain): Promise<void> =>
  prove({ airflow, release: id, manifest, releaseDir: "/nowhere", since, timeoutSeconds: 1, touch });
const errorOf = (file: string, at: string): ImportError => ({ file, trace: "NameError: x", at: new Date(at) });

test("a release that Airflow serves whole is proven", () => proof(airflowWith()));

test("an import error of one of its DAGs that is there when it is read again ends the proof", async () => {
  const error = await rejects(proof(airflowWith(errorOf("dag_1.py", "2024-01-01T00:00:05Z"))), /DAG dag_1 does not import: NameError: x/);
  assert.instance(error, DagError);
});

test("an error of a file that was mended while Airflow read it is gone when it is read again", async () => {
  const errors = [errorOf("dag_1.py", "2024-01-01T00:00:01Z")];
  await proof({ ...airflowWith(), importErrors: async () => errors }, () => {
    errors.pop();
    return readAgain;
  });
});

test("an import error of before the switch, or of a file that is none of the release's, does not", () =>
  proof(airflowWith(errorOf("dag_1.py", "2023-12-31T23:59:59Z"), errorOf("stranger.py", "2024-01-01T00:00:05Z"))));

test.run();
