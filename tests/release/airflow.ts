import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { pythonBin, root } from "../../local/paths.ts";

/** An Airflow of its own, in a temporary folder: no service runs, no database unless a script makes one. */
export interface ScratchAirflow {
  readonly home: string;
  readonly dags: string;
  readonly env: NodeJS.ProcessEnv;
}

export function scratchAirflow(env: Readonly<Record<string, string>> = {}): ScratchAirflow {
  const home = mkdtempSync(join(tmpdir(), "dagline-airflow-"));
  const dags = join(home, "dags");
  mkdirSync(dags);
  return {
    home,
    dags,
    env: {
      PATH: process.env.PATH,
      HOME: home,
      AIRFLOW_HOME: home,
      AIRFLOW__CORE__DAGS_FOLDER: dags,
      AIRFLOW__CORE__LOAD_EXAMPLES: "False",
      AIRFLOW__LOGGING__LOGGING_LEVEL: "ERROR",
      PYTHONPATH: join(root, "airflow"),
      PYTHONDONTWRITEBYTECODE: "1",
      ...env,
    },
  };
}

export function writeDag(airflow: ScratchAirflow, id: string, python: string): void {
  writeFileSync(join(airflow.dags, `${id}.py`), python);
}

/** Runs a program with the Python that has Airflow; resolves to what it prints. */
export async function runPython(airflow: ScratchAirflow, args: readonly string[]): Promise<string> {
  const options = { env: airflow.env, cwd: airflow.home, maxBuffer: 256e6, timeout: 90_000 };
  return (await promisify(execFile)(join(pythonBin, "python"), args, options)).stdout;
}
