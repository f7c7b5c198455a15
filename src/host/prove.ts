import { setTimeout as delay } from "node:timers/promises";
import { TransientError } from "../errors.ts";
import { type ReleaseId, shortId } from "../ids.ts";
import type { Manifest } from "../release/manifest.ts";
import type { Airflow } from "./airflow.ts";
import { blame } from "./blame.ts";

export interface ProofOptions {
  readonly airflow: Airflow;
  readonly release: ReleaseId;
  readonly manifest: Manifest;
  readonly releaseDir: string;
  /** When the switch took place: an import error of before it is not this release's. */
  readonly since: Date;
  readonly timeoutSeconds: number;
  /** Has the DAG processor read the DAG files again. */
  readonly touch: () => void;
}

/**
 * Waits until Airflow's API serves exactly the manifest's DAGs, each at exactly this release and read from its folder, without an import error,
 * and the scheduler and the DAG processor are healthy. Throws a DagError as soon as a DAG of the release does not import, a TransientError that
 * says what is lacking when time is up.
 */
export async function prove(options: ProofOptions): Promise<void> {
  const start = performance.now();
  let touched = start;
  for (;;) {
    const lacking = await whatIsLacking(options).catch(unlessBriefly);
    if (lacking === undefined) return;
    const now = performance.now();
    if (now - start > options.timeoutSeconds * 1000) {
      throw new TransientError(`Airflow does not serve release ${shortId(options.release)} after ${options.timeoutSeconds} s: ${lacking}`, {
        hint: "Look at the logs of airflow-dag-processor and airflow-scheduler.",
      });
    }
    // A file that was being read at the moment of the switch counts as read since.
    if (now - touched > RETOUCH_MS) {
      options.touch();
      touched = now;
    }
    await delay(POLL_MS);
  }
}

/** An API that does not answer now may do so in a moment. */
function unlessBriefly(error: unknown): string {
  if (error instanceof TransientError) return error.message;
  throw error;
}

const POLL_MS = 150;
const RETOUCH_MS = 15_000;

async function whatIsLacking({ airflow, release, manifest, releaseDir, since }: ProofOptions): Promise<string | undefined> {
  const errors = (await airflow.importErrors()).filter((error) => error.at >= since);
  const [first, ...others] = errors;
  if (first !== undefined) throw blame([first, ...others], manifest, releaseDir);

  const wanted = Object.keys(manifest.dags);
  const { all, ofRelease } = await airflow.countServed(release);
  if (ofRelease !== wanted.length || all !== ofRelease) {
    return `it serves ${ofRelease} of ${wanted.length} DAGs${all > ofRelease ? ` and ${all - ofRelease} that are not of this release` : ""}`;
  }
  const served = new Map((await airflow.served()).map((dag) => [dag.dag as string, dag]));
  for (const dag of wanted) {
    const found = served.get(dag);
    if (found === undefined) return `DAG ${dag} is missing`;
    if (found.release !== release) return `DAG ${dag} is of another release`;
    if (!found.file.endsWith(`/releases/${release}/dags/${dag}.py`)) return `DAG ${dag} was read from ${found.file}`;
  }
  if (served.size !== wanted.length) return `${served.size - wanted.length} DAGs are not of this release`;
  return (await airflow.unhealthy())[0];
}
