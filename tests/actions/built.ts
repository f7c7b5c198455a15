import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildActions } from "../../local/build-actions.ts";
import { localDir } from "../../local/paths.ts";

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly summary: string;
  readonly outputs: Readonly<Record<string, string>>;
  /** What it saved for its post part. */
  readonly states: Readonly<Record<string, string>>;
  readonly seconds: number;
}

interface Step {
  readonly workspace: string;
  /** As under `with:`. */
  readonly with?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly payload?: unknown;
  /** What the main part saved, for a post part. */
  readonly states?: Readonly<Record<string, string>>;
}

interface Started {
  readonly child: ChildProcess;
  /** What it printed so far. */
  readonly stdout: () => string;
  readonly ended: Promise<Ended>;
}

/** The actions, built as `npm run build` does, and run as the runner does: a process, with variables. */
export async function builtActions() {
  mkdirSync(localDir, { recursive: true });
  const folder = mkdtempSync(join(localDir, "actions-"));
  await buildActions(folder);
  const start = (action: string, { workspace, with: inputs = {}, env = {}, payload = {}, states = {} }: Step): Started => {
    const files = mkdtempSync(join(folder, "step-"));
    const file = (name: string, text = ""): string => {
      writeFileSync(join(files, name), text);
      return join(files, name);
    };
    const summary = file("summary.md");
    const output = file("output");
    const state = file("state");
    const variables = {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      GITHUB_ACTIONS: "true",
      GITHUB_WORKSPACE: workspace,
      GITHUB_REPOSITORY: "acme/data",
      GITHUB_SHA: "c".repeat(40),
      GITHUB_RUN_ID: "77",
      GITHUB_SERVER_URL: "https://github.example",
      GITHUB_STEP_SUMMARY: summary,
      GITHUB_OUTPUT: output,
      GITHUB_STATE: state,
      GITHUB_EVENT_PATH: file("event.json", JSON.stringify(payload)),
      ...Object.fromEntries(Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])),
      ...Object.fromEntries(Object.entries(states).map(([name, value]) => [`STATE_${name}`, value])),
      ...env,
    };
    const began = performance.now();
    const child = spawn(process.execPath, [join(folder, `${action}.mjs`)], { env: variables, stdio: ["ignore", "pipe", "inherit"] });
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve)).then((code) => ({
      code,
      stdout,
      summary: readFileSync(summary, "utf8"),
      outputs: readValues(readFileSync(output, "utf8")),
      states: readValues(readFileSync(state, "utf8")),
      seconds: (performance.now() - began) / 1000,
    }));
    return { child, stdout: () => stdout, ended };
  };
  return {
    remove: () => rmSync(folder, { recursive: true, force: true }),
    start,
    run: (action: string, step: Step): Promise<Ended> => start(action, step).ended,
  };
}

/** `NAME<<DELIMITER`, the value, `DELIMITER`. */
function readValues(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/^(.+)<<(\S+)\n([\s\S]*?)\n\2$/gm)].map(([, name = "", , value = ""]) => [name, value]));
}
