import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pythonBin } from "../../local/paths.ts";

/** A task of Airflow's, in a process of its own. */
export interface Run {
  readonly pid: Promise<number>;
  readonly log: () => string;
  readonly ended: Promise<void>;
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** What forks a process for each task, as Airflow does. */
export interface OperatorHost {
  /** `env` is of that process alone. */
  start(what: Readonly<Record<string, unknown>>, env: Readonly<Record<string, string>>): Run;
  stop(): Promise<void>;
}

/** The tasks' logs are kept in `dir`. */
export function startOperatorHost(dir: string, env: NodeJS.ProcessEnv): OperatorHost {
  const child = spawn(join(pythonBin, "python"), [join(import.meta.dirname, "operator-host.py")], {
    stdio: ["pipe", "pipe", "inherit"],
    env,
  });
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const starting: ((pid: number) => void)[] = [];
  const ending = new Map<number, () => void>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    const said = JSON.parse(line) as { started?: number; ended?: number };
    if (said.started !== undefined) starting.shift()?.(said.started);
    if (said.ended !== undefined) ending.get(said.ended)?.();
    if (said.ended !== undefined) ending.delete(said.ended);
  });
  let count = 0;
  return {
    start(what, taskEnv) {
      const log = join(dir, `task-${++count}.log`);
      writeFileSync(log, "", { mode: 0o600 });
      const { promise: pid, resolve: started } = Promise.withResolvers<number>();
      const { promise: ended, resolve: end } = Promise.withResolvers<void>();
      starting.push((number) => {
        ending.set(number, end);
        started(number);
      });
      child.stdin.write(`${JSON.stringify({ ...what, log, env: taskEnv })}\n`);
      return {
        pid,
        ended,
        log: () => readFileSync(log, "utf8"),
        kill: async (signal) => void process.kill(await pid, signal),
      };
    },
    async stop() {
      for (const pid of ending.keys()) process.kill(pid, "SIGKILL");
      child.stdin.end();
      await closed;
    },
  };
}
