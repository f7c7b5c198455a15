import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { describeError, exitCode, exitCodeOf } from "../src/errors.ts";
import { shortId } from "../src/ids.ts";
import type { Log } from "../src/log.ts";
import { type Deployed, deployProject } from "./deploy-project.ts";
import { probeLiveOrigin } from "./origin.ts";
import { monthsOf, planRuns, runScrapes, type Source } from "./run-scrapes.ts";
import type { RunResult } from "./runs.ts";
import { type Stack, startStack } from "./stack.ts";
import { stackDir } from "./stacks.ts";
import { createSteps, type Steps } from "./steps.ts";
import { jsonSummary, type Summary, textSummary } from "./summary.ts";
import { firstRows, summariseTables } from "./tables.ts";
import { watchFolder } from "./watch.ts";

export interface UpOptions {
  readonly root: string;
  readonly once: boolean;
  readonly fresh: boolean;
  readonly port: number;
  /** A folder with the TLC's files, or undefined: the live ones, or generated ones where those can't be reached. */
  readonly origin: string | undefined;
  readonly format: "text" | "json";
}

/** The whole stack on this machine, from nothing to rows. Resolves to the exit code, with nothing left running. */
export async function up(options: UpOptions): Promise<number> {
  const started = performance.now();
  const steps = createSteps();
  const interrupted = interruption(steps);
  let stack: Stack | undefined;
  try {
    const source = await findSource(options.origin, steps);
    const dir = options.once ? stackDir("once") : stackDir(source);
    if (options.once || options.fresh) rmSync(dir, { recursive: true, force: true });
    stack = await startStack({ dir, airflowPort: options.port, source, steps });
    return await deployAndRun(stack, options, source, steps, interrupted, started);
  } catch (error) {
    if (interrupted.aborted) return exitCode.done;
    process.stderr.write(`dagline: ${describeError(error)}\n`);
    return exitCodeOf(error);
  } finally {
    const running = stack;
    if (running !== undefined) await steps.run("Stopped", () => running.stop());
  }
}

async function deployAndRun(
  stack: Stack,
  options: UpOptions,
  source: Source,
  steps: Steps,
  interrupted: AbortSignal,
  started: number,
): Promise<number> {
  interrupted.throwIfAborted();
  const deployed = await steps.run("Check, render, sync, reload", async (note) => {
    const result = await deployProject(stack, options.root, stepsLog(steps), interrupted);
    note(`release ${shortId(result.release.id)}, ${result.proof.dags} DAGs`);
    return result;
  });
  const dags = Object.keys(deployed.release.manifest.dags);
  const runs = await runScrapes(stack.airflow.api.call, planRuns(dags, monthsOf(source, new Date())), steps, interrupted);
  const summary = await summarise(stack, deployed, runs, (performance.now() - started) / 1000);
  process.stdout.write(options.format === "json" ? jsonSummary(summary) : textSummary(summary, !options.once));
  if (options.once) return runs.every((run) => run.state !== "failed") ? exitCode.done : exitCode.userError;
  await watchScrapes(stack, options.root, steps, interrupted);
  return exitCode.done;
}

async function summarise(
  { postgres, address }: Stack,
  { release }: Deployed,
  runs: readonly RunResult[],
  seconds: number,
): Promise<Summary> {
  const client = await postgres.connect("data_pipeline_db");
  try {
    const tables = await summariseTables(client);
    const largest = [...tables].sort((a, b) => b.rows - a.rows)[0]?.name;
    return {
      release: release.id,
      dags: Object.keys(release.manifest.dags),
      runs,
      tables,
      sample: largest === undefined ? undefined : { table: largest, ...(await firstRows(client, largest, 5)) },
      airflow: address.airflow,
      seconds: Math.round(seconds * 10) / 10,
    };
  } finally {
    await client.end();
  }
}

/** Deploys what is saved under `scrapes/` until the signal aborts. */
async function watchScrapes(stack: Stack, root: string, steps: Steps, interrupted: AbortSignal): Promise<void> {
  const stopWatching = await watchFolder(join(root, "scrapes"), async (paths) => {
    const since = performance.now();
    const what = paths.length > 3 ? `${paths.length} files` : paths.join(", ");
    try {
      const { release, proof, seconds } = await deployProject(stack, root, stepsLog(steps), interrupted);
      const took = ((performance.now() - since) / 1000).toFixed(1);
      if (!proof.changed) return steps.say(`${what} saved: nothing to deploy`);
      const each = `render ${seconds.render}, sync ${seconds.sync}, reload ${seconds.reload}`;
      steps.say(`${what} saved: release ${shortId(release.id)} is live in Airflow, ${took} s (${each})`);
    } catch (error) {
      if (!interrupted.aborted) steps.say(`${what} saved, not deployed: ${describeError(error)}`);
    }
  });
  await new Promise<void>((done) => (interrupted.aborted ? done() : interrupted.addEventListener("abort", () => done(), { once: true })));
  await stopWatching();
}

async function findSource(folder: string | undefined, steps: Steps): Promise<Source> {
  if (folder !== undefined) return { kind: "files", dir: resolve(folder) };
  if (await probeLiveOrigin()) return { kind: "live" };
  steps.say("The TLC's server can't be reached: its files are made up from a seed, in its own schemas.");
  return { kind: "generated" };
}

function interruption(steps: Steps): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) return;
      steps.say("stopping ...");
      controller.abort();
    });
  }
  return controller.signal;
}

function stepsLog(steps: Steps): Log {
  return { info: () => {}, warn: (message) => steps.say(`warning: ${message}`), error: (message) => steps.say(`error: ${message}`) };
}
