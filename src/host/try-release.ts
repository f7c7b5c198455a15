import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { TransientError, UserError } from "../errors.ts";
import type { ReleaseId } from "../ids.ts";
import type { Manifest } from "../release/manifest.ts";
import { blame, type DagFailure } from "./blame.ts";
import { releaseDir } from "./folder.ts";

/** Imports and serialises a release's DAGs in an Airflow of its own. */
export interface Trial {
  /** Throws a DagError for DAGs that don't import or serialise, a UserError when the DAGs are not those of the manifest. */
  run(id: ReleaseId, manifest: Manifest): Promise<void>;
  /** Ends it, whether it ran or not. */
  close(): void;
}

const TIMEOUT_SECONDS = 120;

/**
 * Starts importing Airflow at once, which takes most of the time, so that it goes on while the release is fetched.
 * The program has an empty Airflow of its own: no database, none of the host's settings or secrets.
 */
export function prepareTrial(home: string, python: string): Trial {
  mkdirSync(home, { recursive: true });
  const airflowHome = mkdtempSync(join(home, "try-"));
  const child = spawn(python, ["-m", "dagline_airflow.try_release"], {
    cwd: airflowHome,
    stdio: ["pipe", "pipe", "pipe"],
    env: {
      PATH: process.env.PATH,
      HOME: airflowHome,
      LANG: "C.UTF-8",
      PYTHONTZPATH: "",
      DAGLINE_HOME: home,
      AIRFLOW_HOME: airflowHome,
      AIRFLOW__CORE__LOAD_EXAMPLES: "False",
      AIRFLOW__CORE__DAGBAG_IMPORT_ERROR_TRACEBACK_DEPTH: "50",
      AIRFLOW__LOGGING__LOGGING_LEVEL: "ERROR",
      PYTHONPATH: join(home, "python"),
      PYTHONDONTWRITEBYTECODE: "1",
    },
  });
  const outcome = collect(child);
  return {
    async run(id, manifest) {
      const timer = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_SECONDS * 1000);
      child.stdin.on("error", () => {}); // ended before it read: its exit code says so
      child.stdin.end(`${JSON.stringify({ dags: join(releaseDir(home, id), "dags") })}\n`);
      const { code, signal, stdout, stderr } = await outcome;
      clearTimeout(timer);
      if (signal === "SIGKILL") throw new UserError(`the release's DAGs did not import within ${TIMEOUT_SECONDS} s`);
      if (code !== 0) {
        throw new TransientError(`Airflow could not try the release (${signal ?? `exit code ${code}`}): ${lastLine(stderr)}`, {
          hint: `Is ${python} the Python that has Airflow?`,
        });
      }
      check(JSON.parse(stdout) as Answer, manifest, releaseDir(home, id));
    },
    close() {
      child.kill("SIGKILL");
      rmSync(airflowHome, { recursive: true, force: true });
    },
  };
}

interface Answer {
  /** By file name. */
  readonly dags: Readonly<Record<string, readonly string[]>>;
  readonly errors: readonly DagFailure[];
}

function check(answer: Answer, manifest: Manifest, dir: string): void {
  const [first, ...others] = [...answer.errors].sort((a, b) => (a.file < b.file ? -1 : 1));
  if (first !== undefined) throw blame([first, ...others], manifest, dir);
  for (const [id, { file, source }] of Object.entries(manifest.dags)) {
    const found = answer.dags[file.slice("dags/".length)] ?? [];
    if (found.length !== 1 || found[0] !== id) {
      const what = found.length === 0 ? "makes no DAG" : `makes the DAG ${found.join(", ")}`;
      throw new UserError(`${file}, rendered from ${source}, ${what} instead of ${id}`);
    }
  }
  const strangers = Object.keys(answer.dags).filter((file) => manifest.dags[file.replace(/\.py$/, "")] === undefined);
  if (strangers.length > 0) throw new UserError(`the release has DAG files that its manifest does not name: ${strangers.join(", ")}`);
}

interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

function collect(child: ChildProcess): Promise<Outcome> {
  const text = { stdout: "", stderr: "" };
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
    text.stdout += chunk;
  });
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    text.stderr = (text.stderr + chunk).slice(-20_000);
  });
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ code: 127, signal: null, stdout: "", stderr: error.message }));
    child.once("close", (code, signal) => resolve({ code, signal, ...text }));
  });
}

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}
