import { existsSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import * as core from "@actions/core";
import * as github from "@actions/github";
import type { HostCommands } from "../src/deploy/host-commands.ts";
import type { ObjectStore } from "../src/deploy/object-store.ts";
import { UserError } from "../src/errors.ts";
import type { Forge } from "../src/forge/forge.ts";
import type { CloudFormation } from "../src/infra/cloudformation.ts";
import type { Log } from "../src/log.ts";
import { GithubForge } from "../src/services/github.ts";
import { type Environment, readEnvironments, resolveEnvironment } from "./environments.ts";
import { actionLog, asText } from "./log.ts";
import { createOctokit } from "./octokit.ts";
import { addSummary } from "./summary.ts";

/** What an action works on and with; tests pass their own. */
export interface Services {
  /** The repository's folder: it holds `scrapes/`. */
  readonly root: string;
  readonly log: Log;
  readonly run: RunContext;
  readonly signal: AbortSignal;
  readonly now: () => Date;
  readonly forge: () => Forge;
  /** Names bucket and host, by the stacks' outputs if need be; throws UserError when `.github/environments.yml` has none of that name. */
  readonly environment: (name: string) => Environment | Promise<Environment>;
  readonly bucket: (name: string) => Promise<ObjectStore>;
  readonly host: (name: string) => Promise<HostCommands>;
  /** Whether the job has credentials for AWS at all: a fork's has not. */
  readonly hasCloud: () => boolean;
  readonly output: (name: string, value: string | number | boolean) => void;
  /** For the action's post part, which has it as `core.getState(name)`. */
  readonly saveState: (name: string, value: string) => void;
  /** Adds Markdown to the step's summary. */
  readonly summary: (markdown: string) => void;
  readonly annotate: (annotation: Annotation) => void;
}

/** Which workflow run this is, from the runner. */
interface RunContext {
  readonly repository: { readonly owner: string; readonly repo: string };
  readonly event: string;
  readonly sha: string;
  readonly attempt: string;
  readonly id: string;
  /** The page with this run's log. */
  readonly url: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

export interface Annotation {
  readonly severity: "error" | "warning" | "notice";
  readonly title: string;
  readonly message: string;
  readonly file: string;
  readonly line: number;
  readonly column?: number;
}

/** The services of a real run. Reads the runner's variables when it is called, not before. */
export function connectServices(inputs: Readonly<Record<string, unknown>>): Services {
  const workspace = resolve(process.env.GITHUB_WORKSPACE ?? ".");
  const root = resolve(workspace, textOf(inputs["working-directory"]) || ".");
  if (!existsSync(root))
    throw new UserError(`there is no folder ${root}`, { hint: "Check out the repository before this step, or mend `working-directory`." });
  const { context } = github;
  const repository = repositoryOf(process.env.GITHUB_REPOSITORY ?? "");
  const environment = (name: string): Promise<Environment> => resolveEnvironment(readEnvironments(root, name), connectStacks);
  return {
    root,
    log: actionLog,
    run: {
      repository,
      event: context.eventName,
      sha: context.sha,
      id: String(context.runId),
      attempt: process.env.GITHUB_RUN_ATTEMPT ?? "1",
      url: `${context.serverUrl}/${repository.owner}/${repository.repo}/actions/runs/${context.runId}`,
      payload: eventPayload(),
    },
    signal: cancelled(),
    now: () => new Date(),
    forge: () => {
      const token = textOf(inputs["github-token"]);
      if (token === "")
        throw new UserError("the input `github-token` is missing", { hint: "Leave it out: it is the job's own token by default." });
      core.setSecret(token);
      return new GithubForge({ octokit: createOctokit(token), repository, log: actionLog, ...authorOf(inputs) });
    },
    environment,
    async bucket(name) {
      const { bucket, prefix, region } = await environment(name);
      const { S3ObjectStore } = await import("../src/services/s3.ts");
      return new S3ObjectStore({ bucket, prefix, region });
    },
    async host(name) {
      const { instance, region, output } = await environment(name);
      const { SsmHostCommands } = await import("../src/services/ssm.ts");
      return new SsmHostCommands({ region, instance, output });
    },
    hasCloud: () =>
      ["AWS_ACCESS_KEY_ID", "AWS_SHARED_CREDENTIALS_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_PROFILE"].some(
        (name) => (process.env[name] ?? "") !== "",
      ),
    output: (name, value) => core.setOutput(name, String(value)),
    saveState: core.saveState,
    summary: addSummary,
    annotate({ severity, title, message, file, line, column }) {
      // GitHub's paths begin at the repository's top.
      const at = {
        title: asText(title),
        file: join(relative(workspace, root), file),
        startLine: line,
        ...(column === undefined ? {} : { startColumn: column }),
      };
      annotations[severity](asText(message), at);
    },
  };
}

async function connectStacks(region: string): Promise<CloudFormation> {
  const { CloudFormationStacks } = await import("../src/services/cloudformation.ts");
  return new CloudFormationStacks({ region });
}

const annotations = { error: core.error, warning: core.warning, notice: core.notice };

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function authorOf(inputs: Readonly<Record<string, unknown>>): { author?: string } {
  const author = textOf(inputs["comment-author"]);
  return author === "" ? {} : { author };
}

function repositoryOf(text: string): { owner: string; repo: string } {
  const [owner = "", repo = ""] = text.split("/");
  return { owner, repo };
}

function eventPayload(): Readonly<Record<string, unknown>> {
  const file = process.env.GITHUB_EVENT_PATH ?? "";
  if (file === "" || !existsSync(file)) return {};
  return JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
}

/** The runner sends SIGINT when a workflow is cancelled, SIGTERM 7.5 s later, and then ends the process. */
function cancelled(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => controller.abort(new UserError("the workflow was cancelled")));
  return controller.signal;
}
