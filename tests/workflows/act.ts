import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parse } from "node:path/posix";
import { pythonBin, root } from "../../local/paths.ts";

/** The repository that the workflows run in: this one's sources and workflows, with scrapes of the test's own. */
export interface TestRepository {
  readonly dir: string;
  git(...args: string[]): string;
  /** Commits all that was changed in the folder. Returns the commit. */
  commit(message: string): string;
  head(revision?: string): string;
}

/** What a workflow did. */
export interface WorkflowRun {
  readonly ok: boolean;
  readonly log: string;
  readonly seconds: number;
}

export interface WorkflowOptions {
  readonly repository: TestRepository;
  /** Kept across runs: where artifacts and workspaces are. */
  readonly dir: string;
  readonly artifacts: string;
  readonly sha: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string>>;
  readonly inputs?: Readonly<Record<string, string>>;
  readonly token: string;
  /** Asked at each piece of the log; once it says yes, the workflow is cancelled as Ctrl-C does: act kills the step and runs what must run always. */
  readonly interruptWhen?: ((log: string) => boolean) | undefined;
}

/** act knows neither yet, and GitHub does: https://github.blog/changelog/2026-05-07-github-actions-concurrency-groups-now-allow-larger-queues */
const unknownToAct = /^\s+(?:queue: max|deployment: false.*)\n/gm;

export function makeRepository(dir: string): TestRepository {
  mkdirSync(dir, { recursive: true });
  const tracked = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root, encoding: "utf8" });
  for (const file of new Set(tracked.split("\0"))) {
    if (file === "" || /^(?:scrapes|tests|docs)\//.test(file) || !existsSync(join(root, file))) continue;
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    if (file.startsWith(".github/workflows/"))
      writeFileSync(join(dir, file), readFileSync(join(root, file), "utf8").replace(unknownToAct, ""));
    else cpSync(join(root, file), join(dir, file));
  }
  const git = (...args: string[]): string =>
    execFileSync("git", ["-c", "user.name=Test", "-c", "user.email=test@example.com", ...args], {
      cwd: dir,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    }).trim();
  git("init", "--quiet", "--initial-branch=main");
  const head = (revision = "HEAD"): string => git("rev-parse", revision);
  return {
    dir,
    git,
    head,
    commit(message) {
      git("add", "--all");
      git("commit", "--quiet", "--message", message);
      return head();
    },
  };
}

/** Runs one workflow under act, as GitHub would for this event, in a checkout of its own. Third-party actions are stand-ins. */
export async function runWorkflow(workflow: string, event: string, options: WorkflowOptions): Promise<WorkflowRun> {
  const { repository, sha, payload, env, inputs = {}, token, interruptWhen } = options;
  const dir = mkdtempSync(join(options.dir, `${parse(workflow).name}-`));
  const checkout = join(dir, "checkout");
  execFileSync("git", ["clone", "--quiet", "--no-checkout", repository.dir, checkout]);
  execFileSync("git", ["fetch", "--quiet", "origin", "+refs/pull/*:refs/remotes/pull/*"], { cwd: checkout });
  execFileSync("git", ["checkout", "--quiet", "--detach", sha], { cwd: checkout });
  execFileSync("git", ["remote", "set-url", "origin", "https://github.com/octo/data.git"], { cwd: checkout });
  const eventFile = join(dir, "event.json");
  writeFileSync(eventFile, JSON.stringify({ ...payload, ...(Object.keys(inputs).length > 0 ? { inputs } : {}) }));
  mkdirSync(options.artifacts, { recursive: true });
  const environment = {
    ...env,
    STAND_IN_REPOSITORY: repository.dir,
    STAND_IN_MODULES: join(root, "node_modules"),
    STAND_IN_ARTIFACTS: options.artifacts,
    GITHUB_REPOSITORY: "octo/data",
    GITHUB_RUN_ID: String(Date.now()),
  };
  const args = [
    event,
    ...["--workflows", `.github/workflows/${workflow}`, "--eventpath", eventFile, "--platform", "ubuntu-latest=-self-hosted"],
    ...["--no-skip-checkout", "--no-cache-server", "--action-offline-mode", "--actor", "octocat", "--defaultbranch", "main"],
    ...["--action-cache-path", join(dir, "act"), "--secret", "GITHUB_TOKEN", "--env-file", "/dev/null"],
    ...standIns(repository.dir),
    ...Object.entries(environment).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
  ];
  const start = performance.now();
  const child = spawn(join(pythonBin, "act"), args, {
    cwd: checkout,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}`, GITHUB_TOKEN: token, NO_COLOR: "1" },
  });
  let log = "";
  let interrupted = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      log += chunk;
      if (interrupted || interruptWhen?.(log) !== true) return;
      interrupted = true;
      child.kill("SIGINT");
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  rmSync(join(dir, "act"), { recursive: true, force: true });
  return { ok: code === 0, log, seconds: (performance.now() - start) / 1000 };
}

/** Each third-party action, at the commit that the workflows pin, is a folder of tests/workflows/stand-ins. */
function standIns(dir: string): string[] {
  const files = [".github/workflows", ".github/actions/setup"].flatMap((folder) =>
    readdirSync(join(dir, folder)).map((file) => readFileSync(join(dir, folder, file), "utf8")),
  );
  const pinned = new Set(
    files.flatMap((text) => [...text.matchAll(/uses: ([\w-]+\/[\w-]+@[0-9a-f]{40})/g)].map((match) => match[1] ?? "")),
  );
  return [...pinned].flatMap((action) => {
    const name = /\/([\w-]+)@/.exec(action)?.[1] ?? "";
    return ["--local-repository", `${action}=${join(root, "tests", "workflows", "stand-ins", name)}`];
  });
}
