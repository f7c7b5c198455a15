import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { explainDiskError } from "../src/disk-errors.ts";
import { describeError, exitCode, exitCodeOf } from "../src/errors.ts";
import { shortId } from "../src/ids.ts";
import type { Log } from "../src/log.ts";
import { type Deployed, deployProject } from "./deploy-project.ts";
import type { RunResult } from "./follow-run.ts";
import { probeLiveOrigin } from "./origin.ts";
import { localDir } from "./paths.ts";
import { patientCall, SILENCE_SECONDS } from "./patient-call.ts";
import { stopRecorded } from "./process.ts";
import { monthsOf, planRuns, runScrapes, type Source } from "./run-scrapes.ts";
import { type Stack, startStack } from "./stack.ts";
import { asOnlyOne, stackDir } from "./stacks.ts";
import { openStandIns, type StandIns } from "./stand-ins.ts";
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
  try {
    const source = await findSource(options.origin, steps);
    const dir = options.once ? stackDir("once") : stackDir(source);
    return await asOnlyOne(dir, !options.once && options.origin === undefined, async () => {
      if (options.once || options.fresh) await removeOld(dir);
      // Ctrl-C while it starts: its programs end, so whoever waits for them fails at once and what there is of it is stopped.
      const giveUp = (): void => void stopRecorded(dir);
      interrupted.addEventListener("abort", giveUp);
      const stack = await startStack({ dir, airflowPort: options.port, source, steps });
      interrupted.removeEventListener("abort", giveUp);
      const standIns = openStandIns(options.root, steps.say);
      try {
        return await deployAndRun({ stack, standIns, steps, interrupted }, options, source, started);
      } finally {
        await steps.run("Stopped", async () => {
          await standIns.stop();
          await stack.stop();
        });
      }
    });
  } catch (error) {
    if (interrupted.aborted) return exitCode.done;
    const told = explainDiskError(error, `Make room on the disk of ${localDir}, then start again.`) ?? error;
    process.stderr.write(`dagline: ${describeError(told)}\n`);
    return exitCodeOf(told);
  }
}

/** What a killed stack left running goes first: its list of processes is in the folder. */
async function removeOld(dir: string): Promise<void> {
  await stopRecorded(dir);
  rmSync(dir, { recursive: true, force: true });
}

interface Running {
  readonly stack: Stack;
  readonly standIns: StandIns;
  readonly steps: Steps;
  readonly interrupted: AbortSignal;
}

async function deployAndRun(running: Running, options: UpOptions, source: Source, started: number): Promise<number> {
  const { stack, steps, interrupted } = running;
  interrupted.throwIfAborted();
  const deployed = await steps.run("Check, render, sync, reload", async (note) => {
    const result = await deploy(running, options.root);
    note(`release ${shortId(result.release.id)}, ${result.proof.dags} DAGs`);
    return result;
  });
  const dags = Object.keys(deployed.release.manifest.dags);
  const planned = planRuns(dags, monthsOf(source, new Date()));
  const call = patientCall(stack.airflow.api.call, {
    seconds: SILENCE_SECONDS,
    silent: ({ message }) => steps.say(`${message}; asking again`),
    goOn: () => !interrupted.aborted,
  });
  const runs = await runScrapes(call, planned, { dags, steps, signal: interrupted, untilTheEnd: options.once });
  const summary = await summarise(stack, deployed, runs.results, (performance.now() - started) / 1000);
  process.stdout.write(options.format === "json" ? jsonSummary(summary) : textSummary(summary, !options.once));
  if (options.once) return onceCode(runs.results);
  const followed = runs.followOn().catch((error: unknown) => {
    if (!interrupted.aborted) steps.say(`the runs that are not over can't be followed: ${describeError(error)}`);
  });
  await watchScrapes(running, options.root, dags);
  await followed;
  return exitCode.done;
}

/** Deploys the project as it is saved, after its stand-ins for origins are at hand. */
async function deploy({ stack, standIns, steps, interrupted }: Running, root: string): Promise<Deployed> {
  const origins = await standIns.read();
  stack.setOrigins(origins);
  return deployProject(stack, root, stepsLog(steps), interrupted);
}

function onceCode(runs: readonly RunResult[]): number {
  if (runs.some(({ state }) => state === "failed" || state === "stuck")) return exitCode.userError;
  return runs.some(({ state }) => state === "unfinished") ? exitCode.tryAgain : exitCode.done;
}

async function summarise(
  { postgres, address }: Stack,
  { release, proof }: Deployed,
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
      paused: proof.paused,
      airflow: address.airflow,
      seconds: Math.round(seconds * 10) / 10,
    };
  } finally {
    await client.end();
  }
}

/** Deploys what is saved under `scrapes/` until the signal aborts. `dags`: those that are live already. */
async function watchScrapes(running: Running, root: string, dags: readonly string[]): Promise<void> {
  const { steps, interrupted } = running;
  let live = dags;
  const stopWatching = await watchFolder(join(root, "scrapes"), async (paths) => {
    const since = performance.now();
    const what = paths.length > 3 ? `${paths.length} files` : paths.join(", ");
    try {
      const { release, proof, seconds } = await deploy(running, root);
      const took = ((performance.now() - since) / 1000).toFixed(1);
      if (!proof.changed) return steps.say(`${what} saved: nothing to deploy`);
      const each = `render ${seconds.render}, sync ${seconds.sync}, reload ${seconds.reload}`;
      steps.say(`${what} saved: release ${shortId(release.id)} is live in Airflow, ${took} s (${each})`);
      const now = Object.keys(release.manifest.dags);
      for (const dag of now.filter((one) => !live.includes(one))) steps.say(`  new: ${dag}. Run it: npm run dagline -- run ${dag}`);
      live = now;
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
