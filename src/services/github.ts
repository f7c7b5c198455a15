import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { UserError } from "../errors.ts";
import type {
  ChangedFile,
  Comment,
  DeploymentState,
  Forge,
  Issue,
  LabelEvent,
  NewDeployment,
  PullRequest,
  StatusDetails,
  Upserted,
} from "../forge/forge.ts";
import { type Marker, mark, marker, unmark } from "../forge/marker.ts";
import type { Log } from "../log.ts";
import {
  type GithubComment,
  type GithubDeployment,
  type GithubDeploymentStatus,
  type GithubIssue,
  type GithubIssueEvent,
  type GithubPullRequest,
  labelNames,
  pullRequestOf,
} from "./github-answers.ts";
import { GithubRequests, type Octokit, type Patience } from "./github-requests.ts";

export interface GithubSettings {
  readonly octokit: Octokit;
  readonly repository: { readonly owner: string; readonly repo: string };
  /** The login that the token writes as: GITHUB_TOKEN may not ask GitHub for it. Default: `github-actions[bot]`. */
  readonly author?: string;
  readonly log: Log;
  readonly patience?: Partial<Patience>;
}

const BODY_CHARACTERS = 65_536;
const TITLE_CHARACTERS = 256;
const DESCRIPTION_CHARACTERS = 140;
/** Where GitHub ends the list of a pull request's files. */
const MOST_FILES = 3000;
const REPOSITORY = "/repos/{owner}/{repo}";

/** GitHub's REST API. A call waits five minutes at most, all its pauses together, unless `patience` says otherwise. */
export class GithubForge implements Forge {
  readonly #requests: GithubRequests;
  readonly #author: string;
  readonly #log: Log;

  constructor({ octokit, repository, author, log, patience }: GithubSettings) {
    const waiting: Patience = {
      maxWaitSeconds: 300,
      pause: (seconds) => delay(seconds * 1000),
      now: () => new Date(),
      ...patience,
    };
    this.#requests = new GithubRequests(octokit, repository, waiting, log);
    this.#author = author ?? "github-actions[bot]";
    this.#log = log;
  }

  async findComment(number: number, marker: Marker, author = this.#author): Promise<Comment | undefined> {
    return (await this.#comments(number, marker, author))[0];
  }

  async upsertComment(number: number, marker: Marker, text: string): Promise<Upserted> {
    checkLength(`the comment on #${number}`, mark(marker, text), BODY_CHARACTERS);
    const [first, ...others] = await this.#comments(number, marker, this.#author);
    if (first !== undefined && others.length > 0) {
      this.#log.warn(`#${number} has ${others.length + 1} comments with the same marker; only the first is edited: ${first.url}`);
    }
    return first === undefined ? this.#createComment(number, marker, text) : this.#editComment(number, first, marker, text);
  }

  async pullRequest(number: number): Promise<PullRequest> {
    const call = { doing: `read pull request #${number}`, permission: "pull-requests: read" };
    return pullRequestOf(await this.#requests.call<GithubPullRequest>(call, `GET ${REPOSITORY}/pulls/{number}`, { number }));
  }

  async pullRequestOfCommit(sha: string): Promise<PullRequest | undefined> {
    const call = { doing: `read the pull request of commit ${sha}`, permission: "pull-requests: read" };
    const all = await Array.fromAsync(this.#requests.list<GithubPullRequest>(call, `GET ${REPOSITORY}/commits/{sha}/pulls`, { sha }));
    const merged = all.map(pullRequestOf).filter((pull) => pull.merged);
    // A commit in the middle of a rebased pull request is nobody's merge commit; one that went on into another branch belongs to two.
    return merged.find((pull) => pull.mergeCommit === sha) ?? merged[0];
  }

  async openPullRequests(): Promise<readonly PullRequest[]> {
    const call = { doing: "list the open pull requests", permission: "pull-requests: read" };
    const all = await Array.fromAsync(this.#requests.list<GithubPullRequest>(call, `GET ${REPOSITORY}/pulls`, { state: "open" }));
    return all.map(pullRequestOf);
  }

  async labelEvents(number: number): Promise<readonly LabelEvent[]> {
    const call = { doing: `read when #${number} was labelled`, permission: "pull-requests: read" };
    const last = new Map<string, LabelEvent>();
    for await (const event of this.#requests.list<GithubIssueEvent>(call, `GET ${REPOSITORY}/issues/{number}/events`, { number })) {
      const label = event.label?.name;
      if (label === undefined) continue;
      if (event.event === "labeled") last.set(label, { label, at: event.created_at, by: event.actor?.login });
      if (event.event === "unlabeled") last.delete(label);
    }
    return [...last.values()];
  }

  async changedFiles(number: number): Promise<{ readonly files: readonly ChangedFile[]; readonly complete: boolean }> {
    interface GithubFile {
      readonly filename: string;
      readonly status: ChangedFile["status"];
      readonly previous_filename?: string;
    }
    const call = { doing: `list the files of pull request #${number}`, permission: "pull-requests: read" };
    const all = await Array.fromAsync(this.#requests.list<GithubFile>(call, `GET ${REPOSITORY}/pulls/{number}/files`, { number }));
    const files = all.map((file) => ({ path: file.filename, status: file.status, previousPath: file.previous_filename }));
    return { files, complete: files.length < MOST_FILES };
  }

  async isAncestor(ancestor: string, commit: string): Promise<boolean> {
    const call = { doing: `compare commit ${ancestor} with ${commit}`, permission: "contents: read" };
    const route = `GET ${REPOSITORY}/compare/{basehead}`;
    // With pages, a comparison of many commits is a small answer; its status is that of the whole.
    const parameters = { basehead: `${ancestor}...${commit}`, per_page: 1, page: 2 };
    const { status } = await this.#requests.call<{ readonly status: string }>(call, route, parameters);
    return status === "ahead" || status === "identical";
  }

  async createDeployment(deployment: NewDeployment): Promise<{ readonly id: number; readonly url: string }> {
    const { ref, environment, payload, key = randomUUID() } = deployment;
    const call = { doing: `create a deployment of ${ref} to ${environment}`, permission: "deployments: write" };
    const find = async (): Promise<GithubDeployment | undefined> => {
      for await (const found of this.#requests.list<GithubDeployment>(call, `GET ${REPOSITORY}/deployments`, { ref, environment })) {
        if (keyOf(found.payload) === key) return found;
      }
      return undefined;
    };
    const before = deployment.key === undefined ? undefined : await find();
    const route = `POST ${REPOSITORY}/deployments`;
    const parameters = {
      ref,
      environment,
      description: cut(deployment.description),
      payload: { ...payload, dagline_key: key },
      auto_merge: false,
      required_contexts: [],
    };
    const { id, url } = before ?? (await this.#requests.create<GithubDeployment>(call, route, parameters, find));
    return { id, url };
  }

  async setDeploymentStatus(id: number, state: DeploymentState, { url, logUrl, description = "" }: StatusDetails = {}): Promise<void> {
    const call = { doing: `set deployment ${id} to ${state}`, permission: "deployments: write" };
    const route = `${REPOSITORY}/deployments/{id}/statuses`;
    const wanted = {
      state,
      description: cut(description),
      ...(url === undefined ? {} : { environment_url: url }),
      ...(logUrl === undefined ? {} : { log_url: logUrl }),
    };
    // The newest comes first; statuses have no key, but the same one twice in a row says nothing new.
    const find = async (): Promise<GithubDeploymentStatus | undefined> => {
      const [last] = await this.#requests.call<GithubDeploymentStatus[]>(call, `GET ${route}`, { id, per_page: 1 });
      return last?.state === state && last.description === wanted.description && (last.log_url ?? "") === (logUrl ?? "") ? last : undefined;
    };
    await this.#requests.create<GithubDeploymentStatus>(call, `POST ${route}`, { id, ...wanted }, find);
  }

  async findIssue(marker: Marker): Promise<Issue | undefined> {
    const found = await this.#findIssue(marker);
    if (found === undefined) return undefined;
    const { number, id, html_url: url, title, body, labels, state } = found;
    return {
      number,
      id,
      url,
      title,
      body: unmark(marker, body ?? "") ?? "",
      labels: labelNames(labels),
      state: state === "open" ? "open" : "closed",
    };
  }

  async upsertIssue(
    marker: Marker,
    title: string,
    text: string,
    labels: readonly string[],
  ): Promise<Upserted & { readonly number: number }> {
    const body = mark(marker, text);
    checkLength("the issue", body, BODY_CHARACTERS);
    checkLength("the issue's title", title, TITLE_CHARACTERS);
    const found = await this.#findIssue(marker);
    if (found !== undefined) return this.#editIssue(found, title, body, labels);
    const call = { doing: "create an issue", permission: "issues: write" };
    const route = `POST ${REPOSITORY}/issues`;
    const made = await this.#requests.create<GithubIssue>(call, route, { title, body, labels }, () => this.#findIssue(marker));
    return { number: made.number, id: made.id, url: made.html_url, outcome: "created" };
  }

  async closeIssue(number: number, comment: string): Promise<void> {
    const call = { doing: `close issue #${number}`, permission: "issues: write" };
    const route = `${REPOSITORY}/issues/{number}`;
    const { state } = await this.#requests.call<GithubIssue>(call, `GET ${route}`, { number });
    if (state !== "open") return;
    // By a marker: when only the closing fails, the next try edits the same comment.
    await this.upsertComment(number, marker("closed"), comment);
    await this.#requests.call(call, `PATCH ${route}`, { number, state: "closed", state_reason: "completed" });
  }

  async #comments(number: number, marker: Marker, author: string): Promise<Comment[]> {
    const call = { doing: `list the comments of #${number}`, permission: "pull-requests: read" };
    const found: Comment[] = [];
    for await (const comment of this.#requests.list<GithubComment>(call, `GET ${REPOSITORY}/issues/{number}/comments`, { number })) {
      const body = unmark(marker, comment.body ?? "");
      if (body === undefined || !isLogin(comment.user, author)) continue;
      found.push({ id: comment.id, url: comment.html_url, body, author, updatedAt: comment.updated_at });
    }
    return found;
  }

  async #createComment(number: number, marker: Marker, text: string): Promise<Upserted> {
    const call = { doing: `comment on #${number}`, permission: "pull-requests: write" };
    const find = async (): Promise<Comment | undefined> => (await this.#comments(number, marker, this.#author))[0];
    const route = `POST ${REPOSITORY}/issues/{number}/comments`;
    const made = await this.#requests.create<GithubComment | Comment>(call, route, { number, body: mark(marker, text) }, find);
    if ("html_url" in made) return { id: made.id, url: made.html_url, outcome: "created" };
    // It may be that of another job, which came first.
    if (!sameText(made.body, text)) return this.#editComment(number, made, marker, text);
    return { id: made.id, url: made.url, outcome: "created" };
  }

  async #editComment(number: number, { id, url, body }: Comment, marker: Marker, text: string): Promise<Upserted> {
    if (sameText(body, text)) return { id, url, outcome: "unchanged" };
    const call = { doing: `edit the comment on #${number}`, permission: "pull-requests: write" };
    await this.#requests.call(call, `PATCH ${REPOSITORY}/issues/comments/{id}`, { id, body: mark(marker, text) });
    return { id, url, outcome: "updated" };
  }

  async #findIssue(marker: Marker): Promise<GithubIssue | undefined> {
    const call = { doing: "list the open issues", permission: "issues: read" };
    for await (const issue of this.#requests.list<GithubIssue>(call, `GET ${REPOSITORY}/issues`, { state: "open" })) {
      if (issue.pull_request === undefined && unmark(marker, issue.body ?? "") !== undefined && isLogin(issue.user, this.#author))
        return issue;
    }
    return undefined;
  }

  async #editIssue(
    found: GithubIssue,
    title: string,
    body: string,
    wanted: readonly string[],
  ): Promise<Upserted & { readonly number: number }> {
    const { number, id, html_url: url } = found;
    const before = labelNames(found.labels);
    const labels = [...new Set([...before, ...wanted])];
    if (found.title === title && sameText(found.body ?? "", body) && labels.length === before.length) {
      return { number, id, url, outcome: "unchanged" };
    }
    const call = { doing: `edit issue #${number}`, permission: "issues: write" };
    await this.#requests.call(call, `PATCH ${REPOSITORY}/issues/{number}`, { number, title, body, labels });
    return { number, id, url, outcome: "updated" };
  }
}

function isLogin(user: { readonly login: string } | null, login: string): boolean {
  return user?.login.toLowerCase() === login.toLowerCase();
}

/** GitHub may give back other line ends than it was given. */
function sameText(one: string, other: string): boolean {
  const plain = (text: string): string => text.replaceAll("\r\n", "\n").trimEnd();
  return plain(one) === plain(other);
}

function checkLength(what: string, text: string, most: number): void {
  if (text.length <= most) return;
  throw new UserError(`${what} has ${text.length} characters, and GitHub takes ${most}`, { hint: "Shorten it; put the rest elsewhere." });
}

function cut(description: string): string {
  return description.length <= DESCRIPTION_CHARACTERS ? description : `${description.slice(0, DESCRIPTION_CHARACTERS - 1)}…`;
}

/** GitHub gives a payload back as the object that it was, or as text; other tools' payloads may be anything. */
function keyOf(payload: unknown): unknown {
  return typeof payload === "object" && payload !== null && "dagline_key" in payload ? payload.dagline_key : undefined;
}
