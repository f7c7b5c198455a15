import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { appendFileSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { TransientError, UserError } from "../src/errors.ts";

/** A program of the local stack, in a process group of its own, its output in a log file. */
export interface Service {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  /** Settles when the program has ended, however it ended. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** TERM to the whole group, KILL after `graceSeconds`; resolves once nothing of the group is left. */
  stop(graceSeconds?: number): Promise<void>;
}

export interface ServiceSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** The folder of the stack that the program belongs to: its logs and its list of processes are kept there. */
  readonly dir: string;
}

/** Starts a program and writes it down in the stack's list, so that `stopRecorded` finds it even after a crash of ours. */
export function startService(spec: ServiceSpec): Service {
  const logFile = join(spec.dir, "logs", `${spec.name}.log`);
  mkdirSync(dirname(logFile), { recursive: true });
  const out = openSync(logFile, "a");
  const child = spawn(spec.command, spec.args, {
    cwd: spec.cwd,
    env: spec.env ?? process.env,
    detached: true,
    stdio: ["ignore", out, out],
    ...(spec.uid === undefined ? {} : { uid: spec.uid }),
    ...(spec.gid === undefined ? {} : { gid: spec.gid }),
  });
  closeSync(out);
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once("error", () => resolve({ code: 127, signal: null }));
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  const pid = pidOf(child, spec);
  recordProcess(spec.dir, spec.name, pid);
  return { name: spec.name, pid, logFile, exited, stop: (graceSeconds = 10) => stopGroup(pid, graceSeconds) };
}

/** Ends every process that the stack in `dir` ever recorded and that still is the same process. Returns their names. */
export async function stopRecorded(dir: string, graceSeconds = 10): Promise<string[]> {
  const others = recordsOf(dir).filter((record) => record.pid !== process.pid && startTime(record.pid) === record.started);
  // Who keeps the stack up stops it in order when asked. For what is left then: last started, first stopped.
  const keepers = others.filter((record) => record.name === KEEPER);
  const alive = [...keepers, ...others.filter((record) => record.name !== KEEPER).reverse()];
  for (const record of alive) await stopGroup(record.pid, record.name === KEEPER ? 30 : graceSeconds);
  rmSync(join(dir, "processes.jsonl"), { force: true });
  return alive.map((record) => record.name);
}

/** The name under which the process that keeps a stack up is in its list. */
export const KEEPER = "dagline";

/** The process that keeps the stack in `dir` up, and since when, as `ps` says it; undefined when none does. */
export function keeperOf(dir: string): { pid: number; started: string } | undefined {
  return recordsOf(dir).findLast(({ name, pid, started }) => name === KEEPER && startTime(pid) === started);
}

/** Adds a process to the stack's list. */
export function recordProcess(dir: string, name: string, pid: number): void {
  mkdirSync(dir, { recursive: true });
  appendFileSync(join(dir, "processes.jsonl"), `${JSON.stringify({ name, pid, started: startTime(pid) })}\n`);
}

/** Waits until `probe` is true; fails at once, with the end of its log, when the service ends before. */
export async function waitUntilReady(service: Service, probe: () => Promise<boolean>, timeoutSeconds = 120): Promise<void> {
  let ended = false;
  void service.exited.then(() => {
    ended = true;
  });
  const end = performance.now() + timeoutSeconds * 1000;
  for (;;) {
    if (ended)
      throw new UserError(`${service.name} ended while it was starting:\n${tail(service.logFile)}`, {
        hint: `Its log: ${service.logFile}`,
      });
    if (await probe().catch(() => false)) return;
    if (performance.now() > end) {
      throw new TransientError(`${service.name} did not answer within ${timeoutSeconds} s:\n${tail(service.logFile)}`, {
        hint: `Its log: ${service.logFile}`,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function stopGroup(pid: number, graceSeconds: number): Promise<void> {
  signalGroup(pid, "SIGTERM");
  const end = performance.now() + graceSeconds * 1000;
  while (groupAlive(pid)) {
    // A killed group can stay visible as zombies whose parent is gone and whose init does not reap: nothing runs, so stop waiting.
    if (performance.now() > end + 3000) return;
    if (performance.now() > end) signalGroup(pid, "SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  if (!send(-pid, signal)) send(pid, signal);
}

function groupAlive(pid: number): boolean {
  return send(-pid, 0) || send(pid, 0);
}

/** Whether there was somebody to send it to. The process that keeps a stack up leads no group when a shell or npm started it. */
function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ESRCH";
}

/** When a process started, as `ps` says it: tells a process from a later one with the same number. */
function startTime(pid: number): string {
  try {
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      env: { ...process.env, LC_ALL: "C" },
    }).trim();
  } catch {
    return ""; // ps exits with 1 when there is no such process
  }
}

function pidOf(child: ChildProcess, spec: ServiceSpec): number {
  if (child.pid === undefined)
    throw new UserError(`${spec.name} could not be started: ${spec.command}`, { hint: "Run `npm run setup` and look at what it says." });
  return child.pid;
}

function recordsOf(dir: string): { name: string; pid: number; started: string }[] {
  const list = join(dir, "processes.jsonl");
  return existsSync(list) ? readFileSync(list, "utf8").split("\n").filter(Boolean).map(parseRecord) : [];
}

function parseRecord(line: string): { name: string; pid: number; started: string } {
  const { name, pid, started } = JSON.parse(line) as { name: string; pid: number; started: string };
  return { name, pid, started };
}

function tail(file: string): string {
  return readFileSync(file, "utf8").trimEnd().split("\n").slice(-15).join("\n");
}
