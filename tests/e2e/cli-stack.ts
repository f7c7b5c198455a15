import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { root } from "../../local/paths.ts";
import type { AirflowCall } from "../../local/runs.ts";
import { readStackAddress, type StackAddress } from "../../local/stack-address.ts";
import { stackDir } from "../../local/stacks.ts";
import { AirflowApi } from "../../src/services/airflow-api.ts";
import { until } from "../until.ts";

/** The stack of `dagline up`, started as a person starts it, in a project of the test's own. */
export interface CliStack {
  readonly child: ChildProcess;
  readonly address: StackAddress;
  readonly call: AirflowCall;
  stdout(): string;
  stderr(): string;
  sql<Row extends object>(text: string): Promise<Row[]>;
  /** Ctrl-C; resolves to the exit code. */
  interrupt(): Promise<number | null>;
}

/** A folder with this repository's scrapes, for tests that change them. */
export function makeProject(dir: string): string {
  const project = join(dir, "project");
  mkdirSync(project);
  cpSync(join(root, "scrapes"), join(project, "scrapes"), { recursive: true });
  return project;
}

/** Runs `dagline up --origin FILES` in `project` and waits for its summary. */
export async function startCliStack(project: string, files: string): Promise<CliStack> {
  const child = spawn(process.execPath, [join(root, "src", "cli", "main.ts"), "up", "--fresh", "--origin", files], {
    cwd: project,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (data: Buffer) => {
    output.stdout += data.toString();
  });
  child.stderr.on("data", (data: Buffer) => {
    output.stderr += data.toString();
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  try {
    await until("the summary", () => output.stdout.includes("Ctrl-C") || child.exitCode !== null, { timeout: 240_000 });
  } catch (error) {
    child.kill("SIGINT");
    await exited;
    throw new Error(`dagline up said:\n${output.stderr}`, { cause: error });
  }
  if (child.exitCode !== null) throw new Error(`dagline up ended with ${child.exitCode}:\n${output.stderr}`);
  const address = readStackAddress(stackDir({ kind: "files", dir: files }));
  return {
    child,
    address,
    call: new AirflowApi(address.airflow).call,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    async sql(text) {
      const client = await connect(address, "dagline_loader");
      try {
        return (await client.query(text)).rows;
      } finally {
        await client.end();
      }
    },
    interrupt() {
      child.kill("SIGINT");
      return exited;
    },
  };
}

export async function connect({ postgres }: StackAddress, user: string): Promise<pg.Client> {
  const client = new pg.Client({ host: postgres.socketDir, port: postgres.port, database: postgres.database, user });
  await client.connect();
  return client;
}
