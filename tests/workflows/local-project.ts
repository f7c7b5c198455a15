import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { type LocalGithub, startGithub } from "../../local/github.ts";
import { type Stack, startStack } from "../../local/stack.ts";
import { createSteps } from "../../local/steps.ts";
import { readPointer } from "../../src/deploy/read-bucket.ts";
import type { Pointer } from "../../src/release/layout.ts";
import { until } from "../until.ts";
import { makeRepository, runWorkflow, type TestRepository, type WorkflowRun } from "./act.ts";

/** A repository on a double of GitHub, whose workflows act runs against the local stack. */
export interface LocalProject {
  readonly dir: string;
  readonly repository: TestRepository;
  readonly github: LocalGithub;
  readonly stack: Stack;
  /** Writes files of the repository, without a commit. */
  write(folder: string, files: Readonly<Record<string, string>>): void;
  /** Says in `.github/environments.yml` where to deploy to; without `roles`, nothing is deployed. */
  writeEnvironments(given: { roles: boolean }): void;
  /** Opens a pull request of what was changed on the branch; `from` is the repository that it comes from. */
  openPull(number: number, branch: string, from: string): void;
  /** Commits what was changed on the branch and gives the pull request its new head, with GitHub's trial merge. */
  pushTo(number: number, branch: string): void;
  /** Merges a pull request into main. Returns its commit. */
  merge(number: number, branch: string): string;
  /** What GitHub starts for a push to main, a change of a pull request, the end of a preview, and a person. */
  deploy(sha: string): Promise<WorkflowRun>;
  preview(number: number, options?: { ownPostgres: boolean }): Promise<WorkflowRun>;
  comment(number: number): Promise<WorkflowRun>;
  dispatch(name: string, inputs: Record<string, string>, interruptWhen?: (log: string) => boolean): Promise<WorkflowRun>;
  /** The bodies of a pull request's comments. */
  comments(number: number): string[];
  pointer(): Promise<Pointer | undefined>;
  /** Has Airflow run a DAG, and waits for its success. */
  runDag(dag: string): Promise<void>;
  sql(text: string): Promise<object[]>;
  stop(): Promise<void>;
}

const TOKEN = "ghs_localtoken000000000000000000000000";
const roles = "  plan_role: arn:aws:iam::000000000000:role/plan\n  deploy_role: arn:aws:iam::000000000000:role/deploy\n";

/** `hostile` is in every commit's message and every pull request's title. */
export async function startProject(hostile: string): Promise<LocalProject> {
  const dir = mkdtempSync(join(tmpdir(), "dagline-workflows-"));
  const stack = await startStack({ dir: join(dir, "stack"), airflowPort: 0, source: { kind: "live" }, steps: createSteps() });
  const repository = makeRepository(join(dir, "repository"));
  const github = await startGithub({ repository: "octo/data", tokens: { [TOKEN]: {} }, git: repository.dir });
  const { aws, ssm, airflow, dagsBucket, postgres } = stack.address;

  const workflow = (
    name: string,
    event: string,
    given: {
      sha: string;
      payload: Record<string, unknown>;
      inputs?: Record<string, string>;
      artifacts?: string;
      ownPostgres?: boolean;
      interruptWhen?: ((log: string) => boolean) | undefined;
    },
  ): Promise<WorkflowRun> =>
    runWorkflow(name, event, {
      repository,
      dir,
      artifacts: join(dir, "artifacts"),
      token: TOKEN,
      env: {
        GITHUB_API_URL: github.url,
        AWS_ENDPOINT_URL_S3: aws.endpoint,
        AWS_ENDPOINT_URL_SSM: ssm.endpoint,
        AWS_EC2_METADATA_DISABLED: "true",
        STAND_IN_CREDENTIALS: aws.credentialsFile,
        // Starting a server for the scrapes' tests takes seconds: once is enough to see that a job can.
        ...(given.ownPostgres ? {} : { DAGLINE_TEST_SOCKET: postgres.socketDir, DAGLINE_TEST_PORT: String(postgres.port) }),
      },
      ...given,
    });

  const pullRequest = (number: number) => {
    const pull = github.state.pullRequests.get(number);
    if (pull === undefined) throw new Error(`there is no pull request ${number}`);
    return pull;
  };

  const project: LocalProject = {
    dir,
    repository,
    github,
    stack,
    write(folder, files) {
      for (const [path, text] of Object.entries(files)) {
        const file = join(repository.dir, folder, path);
        mkdirSync(join(file, ".."), { recursive: true });
        writeFileSync(file, text);
      }
    },
    writeEnvironments(given) {
      const entry = `production:\n  region: ${aws.region}\n  bucket: ${dagsBucket}\n  instance: ${ssm.instance}\n  url: ${airflow.url}\n`;
      project.write(".github", { "environments.yml": given.roles ? entry + roles : entry });
    },
    openPull(number, branch, from) {
      github.state.pullRequests.set(number, {
        number,
        title: `Change ${hostile}`,
        body: null,
        author: "octocat",
        base: { ref: "main", sha: repository.head("main") },
        head: { ref: branch, sha: "0".repeat(40), repository: from },
        labels: [],
        state: "open",
        mergedAt: null,
        mergeCommit: null,
        files: [],
      });
      project.pushTo(number, branch);
    },
    pushTo(number, branch) {
      const sha = repository.commit(`Change ${number} ${hostile}`);
      repository.git("checkout", "--quiet", "--detach", "main");
      repository.git("merge", "--quiet", "--no-ff", "--no-edit", branch);
      repository.git("update-ref", `refs/pull/${number}/merge`, "HEAD");
      repository.git("checkout", "--quiet", branch);
      const pull = pullRequest(number);
      pull.head = { ...pull.head, sha };
    },
    merge(number, branch) {
      repository.git("checkout", "--quiet", "main");
      repository.git("merge", "--quiet", "--no-ff", "--no-edit", branch);
      const sha = repository.head();
      Object.assign(pullRequest(number), { state: "closed", mergedAt: new Date().toISOString(), mergeCommit: sha });
      return sha;
    },
    deploy(sha) {
      const [, parent = sha] = repository.git("rev-list", "--parents", "-n1", sha).split(" ");
      const payload = { ref: "refs/heads/main", before: parent, after: sha, repository: { default_branch: "main" } };
      return workflow("deploy.yml", "push", { sha, payload });
    },
    preview(number, { ownPostgres } = { ownPostgres: false }) {
      const { base, head, title } = pullRequest(number);
      const artifacts = join(dir, `artifacts-${number}`);
      rmSync(artifacts, { recursive: true, force: true });
      const payload = {
        action: "synchronize",
        number,
        repository: { full_name: "octo/data", default_branch: "main" },
        pull_request: { number, title, base, head: { ref: head.ref, sha: head.sha, repo: { full_name: head.repository } } },
      };
      return workflow("preview.yml", "pull_request", {
        sha: repository.head(`refs/pull/${number}/merge`),
        payload,
        artifacts,
        ownPostgres,
      });
    },
    comment(number) {
      const { head } = pullRequest(number);
      const run = {
        id: 7,
        event: "pull_request",
        conclusion: "success",
        head_sha: head.sha,
        head_branch: head.ref,
        head_repository: { full_name: head.repository },
        html_url: "https://github.com/octo/data/actions/runs/7",
      };
      const payload = { action: "completed", workflow_run: run };
      return workflow("comment.yml", "workflow_run", {
        sha: repository.head("main"),
        payload,
        artifacts: join(dir, `artifacts-${number}`),
      });
    },
    dispatch(name, inputs, interruptWhen) {
      const payload = { ref: "refs/heads/main" };
      return workflow(name, "workflow_dispatch", { sha: repository.head("main"), payload, inputs, interruptWhen });
    },
    comments: (number) => github.state.comments.filter((each) => each.number === number).map(({ body }) => body),
    pointer: async () => (await readPointer(stack.store))?.pointer,
    runDag: (dag) => runDag(stack, dag),
    async sql(text) {
      const { socketDir: host, port, database } = postgres;
      const client = new pg.Client({ host, port, database, user: "dagline_loader" });
      await client.connect();
      return client
        .query(text)
        .then(({ rows }) => rows)
        .finally(() => client.end());
    },
    async stop() {
      await github.stop();
      await stack.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  return project;
}

async function runDag({ airflow: { api } }: Stack, dag: string): Promise<void> {
  await api.call("PATCH", `/dags/${dag}`, { is_paused: false });
  const started = await api.call("POST", `/dags/${dag}/dagRuns`, { logical_date: null });
  const run = (started.body as { dag_run_id: string }).dag_run_id;
  await until(
    `${dag} to end`,
    async () => {
      const { state } = (await api.call("GET", `/dags/${dag}/dagRuns/${encodeURIComponent(run)}`)).body as { state: string };
      if (state === "failed") throw new Error(`the run of ${dag} failed`);
      return state === "success";
    },
    { timeout: 120_000, interval: 250 },
  );
}
