import { spawn } from "node:child_process";

type Status = "InProgress" | "Cancelling" | "Success" | "Failed" | "TimedOut" | "Cancelled";

/** One run of a document's script on this machine. */
export interface Invocation {
  /** Output is cut as GetCommandInvocation cuts it. */
  state(): { status: Status; exitCode: number; stdout: string; stderr: string };
  /** TERM to the script and all that it started, KILL ten seconds later. */
  cancel(): void;
  readonly ended: Promise<void>;
  /** The process group; undefined when the script could not be started. */
  readonly pid: number | undefined;
}

const STDOUT_LIMIT = 24_000;
const STDERR_LIMIT = 8_000;

/** Runs a script with `sh`, in a process group of its own. */
export function startInvocation(script: string, env: NodeJS.ProcessEnv, timeoutSeconds: number): Invocation {
  let status: Status = "InProgress";
  let exitCode = -1;
  const output = { stdout: "", stderr: "" };
  const child = spawn("sh", ["-c", script], { env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output.stdout = (output.stdout + text).slice(0, STDOUT_LIMIT);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output.stderr = (output.stderr + text).slice(0, STDERR_LIMIT);
  });
  const signalAll = (signal: NodeJS.Signals): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
    }
  };
  let killTimer: NodeJS.Timeout | undefined;
  const end = (): void => {
    signalAll("SIGTERM");
    killTimer ??= setTimeout(() => signalAll("SIGKILL"), 10_000);
  };
  let timedOut = false;
  const timeout = setTimeout(() => {
    timedOut = true;
    end();
  }, timeoutSeconds * 1000);
  const ended = new Promise<void>((resolve) => {
    child.once("error", (error) => {
      output.stderr = error.message;
    });
    child.once("close", (code) => {
      clearTimeout(timeout);
      clearTimeout(killTimer);
      exitCode = code ?? -1;
      status = timedOut ? "TimedOut" : status === "Cancelling" ? "Cancelled" : code === 0 ? "Success" : "Failed";
      resolve();
    });
  });
  return {
    ended,
    pid: child.pid,
    state: () => ({ status, exitCode, ...output }),
    cancel() {
      if (status !== "InProgress") return;
      status = "Cancelling";
      end();
    },
  };
}
