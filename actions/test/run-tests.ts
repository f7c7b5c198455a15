import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { TransientError, UserError } from "../../src/errors.ts";
import type { Services } from "../services.ts";

/** One test file, as `dagline test --format json` tells of it. */
export interface TestResult {
  readonly file: string;
  readonly ok: boolean;
  readonly seconds: number;
  readonly passed: number;
  readonly failures: readonly { readonly title: string; readonly message: string; readonly line: number; readonly column: number }[];
}

/**
 * Runs the tests of scrapes in `folder` with the dagline that is installed in `root`: they import it, and PostgreSQL comes with it.
 * What they load is written to the file `rows`. Resolves whether they pass or not; throws when they could not be run.
 */
export async function runTests(
  root: string,
  folder: string,
  names: readonly string[],
  rows: string,
  { log, signal }: Services,
): Promise<readonly TestResult[]> {
  const child = spawn(nodeOf(root), [cliOf(root), "test", "--format", "json", "--rows", rows, ...names], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    signal,
    killSignal: "SIGTERM",
  });
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    stdout += chunk;
  });
  createInterface({ input: child.stderr }).on("line", (line) => log.info(line));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", (error) => reject(signal.aborted ? signal.reason : error));
    child.once("close", resolve);
  });
  try {
    return (JSON.parse(stdout) as { results: TestResult[] }).results;
  } catch (error) {
    throw new TransientError(`the tests could not be run: dagline test ended with exit code ${code}`, {
      hint: "Its last lines above say why.",
      cause: error,
    });
  }
}

/** The Node that the project pins, which runs TypeScript as it is. */
function nodeOf(root: string): string {
  const pinned = join(root, "node_modules", ".bin", "node");
  return existsSync(pinned) ? pinned : process.execPath;
}

function cliOf(root: string): string {
  for (const dir of [root, join(root, "node_modules", "dagline")]) {
    const file = join(dir, "package.json");
    if (!existsSync(file)) continue;
    const { name, bin } = JSON.parse(readFileSync(file, "utf8")) as { name?: string; bin?: { dagline?: string } };
    if (name === "dagline" && bin?.dagline !== undefined) return join(dir, bin.dagline);
  }
  throw new UserError("dagline is not installed in this repository", { hint: "The tests import it: install it before this step." });
}
