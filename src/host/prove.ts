import { basename } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { TransientError } from "../errors.ts";
import { type ReleaseId, shortId } from "../ids.ts";
import type { Manifest } from "../release/manifest.ts";
import type { Airflow, ImportError } from "./airflow.ts";
import { blame } from "./blame.ts";

export interface ProofOptions {
  readonly airflow: Airflow;
  readonly release: ReleaseId;
  readonly manifest: Manifest;
  readonly releaseDir: string;
  /** When the switch took place: an import error of before it is not this release's. */
  readonly since: Date;
  readonly timeoutSeconds: number;
  /** Has the DAG processor read the DAG files again. Returns the time of change that they have now. */
  readonly touch: () => Date;
}

/**
 * Waits until Airflow's API serves exactly the manifest's DAGs, each at exactly this release and read from its folder, without an import error,
 * and the scheduler and the DAG processor are healthy. Throws a DagError as soon as a DAG of the release does not import when it is read a second
 * time, a TransientError that says what is lacking when time is up.
 */
export async function prove(options: ProofOptions): Promise<void> {
  const start = performance.now();
  let progress = { served: -1, at: start };
  let readAgainSince: Date | undefined;
  for (;;) {
    const { served, lacking, errors } = await look(options).catch(unlessBriefly);
    if (lacking === undefined) return;
    const [first, ...others] = errors.filter(({ at }) => readAgainSince !== undefined && at >= readAgainSince);
    if (first !== undefined) throw blame([first, ...others], options.manifest, options.releaseDir);
    // A file that was mended while Airflow read it leaves an error that is newer than the mend, about text that is gone.
    if (errors.length > 0) readAgainSince ??= options.touch();
    const now = performance.now();
    if (now - start > options.timeoutSeconds * 1000) {
      throw new TransientError(`Airflow does not serve release ${shortId(options.release)} after ${options.timeoutSeconds} s: ${lacking}`, {
        hint: "Look at the logs of airflow-dag-processor and airflow-scheduler.",
      });
    }
    if (served !== progress.served) progress = { served, at: now };
    // A file that was being read at the moment of the switch counts as read since, and only another touch has it read again.
    if (now - progress.at > STANDSTILL_MS) {
      options.touch();
      progress = { served, at: now };
    }
    await delay(POLL_MS);
  }
}

const POLL_MS = 150;
const STANDSTILL_MS = 10_000;

interface Sight {
  /** DAGs that are served at this release. */
  readonly served: number;
  /** In words, why this is no proof yet; undefined when it is one. */
  readonly lacking: string | undefined;
  /** Of the release's DAGs, since the switch. */
  readonly errors: readonly ImportError[];
}

/** An API that does not answer now may do so in a moment. */
function unlessBriefly(error: unknown): Sight {
  if (error instanceof TransientError) return { served: -1, lacking: error.message, errors: [] };
  throw error;
}

async function look(options: ProofOptions): Promise<Sight> {
  const { airflow, release, manifest, since } = options;
  // A file that is none of the release's (it was put there by hand, and removed while Airflow read it) says nothing about the release.
  const isOurs = ({ file }: ImportError): boolean => Object.hasOwn(manifest.dags, basename(file, ".py"));
  const errors = (await airflow.importErrors()).filter((error) => error.at >= since && isOurs(error));
  const wanted = Object.keys(manifest.dags).length;
  const { all, ofRelease: served } = await airflow.countServed(release);
  const [error] = errors;
  if (error !== undefined) return { served, lacking: `${basename(error.file)} does not import`, errors };
  if (served !== wanted || all !== wanted) {
    return {
      served,
      errors,
      lacking: `it serves ${served} of ${wanted} DAGs${all > served ? ` and ${all - served} that are not of this release` : ""}`,
    };
  }
  return { served, errors, lacking: (await findWrong(options)) ?? (await airflow.unhealthy())[0] };
}

/** The numbers are right: is it these very DAGs, each read from the release's folder? */
async function findWrong({ airflow, release, manifest }: ProofOptions): Promise<string | undefined> {
  const served = new Map((await airflow.served()).map((dag) => [dag.dag as string, dag]));
  for (const dag of Object.keys(manifest.dags)) {
    const found = served.get(dag);
    if (found === undefined) return `DAG ${dag} is missing`;
    if (found.release !== release) return `DAG ${dag} is of another release`;
    if (!found.file.endsWith(`/releases/${release}/dags/${dag}.py`)) return `DAG ${dag} was read from ${found.file}`;
  }
  return undefined;
}
