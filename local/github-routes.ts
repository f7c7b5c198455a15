import type { GithubAnswers } from "./github-answers.ts";
import { commitOf, compareCommits } from "./github-git.ts";
import type { DeploymentState, GithubState, IssueState } from "./github-state.ts";

export interface GithubContext {
  readonly state: GithubState;
  readonly answers: GithubAnswers;
  /** A folder with the real history, or undefined: then a commit can only be compared with itself. */
  readonly git: string | undefined;
  /** ISO 8601, to the second. */
  now(): string;
  nextId(): number;
}

interface GithubRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  /** Checked against GitHub's description before. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly login: string;
}

export interface GithubRoute {
  readonly method: string;
  /** The path as GitHub's description has it. */
  readonly template: string;
  /** As in the header `x-accepted-github-permissions`. */
  readonly permission: string;
  /** An array is a list, which the server cuts into pages. */
  handle(request: GithubRequest, context: GithubContext): GithubAnswer | Promise<GithubAnswer>;
}

export interface GithubAnswer {
  readonly status: number;
  readonly body?: unknown;
}

const R = "/repos/{owner}/{repo}";
const notFound: GithubAnswer = {
  status: 404,
  body: { message: "Not Found", documentation_url: "https://docs.github.com/rest", status: "404" },
};
const ok = (body: unknown): GithubAnswer => ({ status: 200, body });
const created = (body: unknown): GithubAnswer => ({ status: 201, body });
const conversation = "issues=write; pull_requests=write";
const conversationRead = "issues=read; pull_requests=read";

export const githubRoutes: readonly GithubRoute[] = [
  { method: "GET", template: R, permission: "metadata=read", handle: (_, { answers }) => ok(answers.repository()) },

  {
    method: "GET",
    template: `${R}/pulls`,
    permission: "pull_requests=read",
    handle({ query }, { state, answers }) {
      const { state: wanted = "open", head, base, direction = "desc" } = query;
      const found = [...state.pullRequests.values()]
        .filter((pull) => wanted === "all" || pull.state === wanted)
        .filter((pull) => head === undefined || `${pull.head.repository?.split("/")[0]}:${pull.head.ref}` === head)
        .filter((pull) => base === undefined || pull.base.ref === base)
        .sort((one, other) => (direction === "asc" ? one.number - other.number : other.number - one.number));
      return ok(found.map(answers.pullInList));
    },
  },
  {
    method: "GET",
    template: `${R}/pulls/{pull_number}`,
    permission: "pull_requests=read",
    handle({ params }, { state, answers }) {
      const pull = state.pullRequests.get(Number(params.pull_number));
      return pull === undefined ? notFound : ok(answers.pull(pull));
    },
  },
  {
    method: "GET",
    template: `${R}/pulls/{pull_number}/files`,
    permission: "pull_requests=read",
    handle({ params }, { state, answers }) {
      const pull = state.pullRequests.get(Number(params.pull_number));
      return pull === undefined ? notFound : ok(pull.files.slice(0, 3000).map(answers.file));
    },
  },
  {
    method: "GET",
    template: `${R}/commits/{commit_sha}/pulls`,
    permission: "pull_requests=read",
    handle({ params }, { state, answers }) {
      const sha = params.commit_sha;
      const found = [...state.pullRequests.values()].filter((pull) => pull.mergeCommit === sha || pull.head.sha === sha);
      return ok(found.map(answers.pullInList));
    },
  },
  {
    method: "GET",
    template: `${R}/compare/{basehead}`,
    permission: "contents=read",
    async handle({ params }, { answers, git }) {
      const [base = "", head = ""] = (params.basehead ?? "").split("...");
      const same = { status: "identical", ahead: 0, behind: 0, base, mergeBase: base };
      const compared = git !== undefined ? await compareCommits(git, base, head) : base === head ? same : undefined;
      return compared === undefined ? notFound : ok(answers.comparison(compared));
    },
  },

  {
    method: "GET",
    template: `${R}/issues`,
    permission: "issues=read",
    handle({ query }, { state, answers }) {
      const { state: wanted = "open", labels, creator, direction = "desc" } = query;
      const fits = (each: { state: string; labels: string[]; author: string }): boolean =>
        (wanted === "all" || each.state === wanted) &&
        (labels === undefined || labels.split(",").every((label) => each.labels.includes(label))) &&
        (creator === undefined || each.author === creator);
      const issues = [...state.issues.values()].filter(fits).map((issue) => ({ number: issue.number, body: answers.issue(issue) }));
      const pulls = [...state.pullRequests.values()].filter(fits).map((pull) => ({ number: pull.number, body: answers.pullAsIssue(pull) }));
      const sorted = [...issues, ...pulls].sort((one, other) =>
        direction === "asc" ? one.number - other.number : other.number - one.number,
      );
      return ok(sorted.map(({ body }) => body));
    },
  },
  {
    method: "POST",
    template: `${R}/issues`,
    permission: "issues=write",
    handle({ body, login }, { state, answers, now, nextId }) {
      const tooLong = checkLength("Issue", body, { title: 256, body: 65_536 });
      if (tooLong !== undefined) return tooLong;
      const issue: IssueState = {
        id: nextId(),
        number: 1 + Math.max(0, ...state.issues.keys(), ...state.pullRequests.keys()),
        title: String(body.title),
        body: typeof body.body === "string" ? body.body : null,
        author: login,
        labels: namesOf(body.labels),
        state: "open",
        stateReason: null,
        createdAt: now(),
        updatedAt: now(),
      };
      state.issues.set(issue.number, issue);
      return created(answers.issue(issue));
    },
  },
  {
    method: "GET",
    template: `${R}/issues/{issue_number}`,
    permission: conversationRead,
    handle({ params }, { state, answers }) {
      const number = Number(params.issue_number);
      const issue = state.issues.get(number);
      const pull = state.pullRequests.get(number);
      if (issue !== undefined) return ok(answers.issue(issue));
      return pull === undefined ? notFound : ok(answers.pullAsIssue(pull));
    },
  },
  {
    method: "PATCH",
    template: `${R}/issues/{issue_number}`,
    permission: conversation,
    handle({ params, body }, { state, answers, now }) {
      const issue = state.issues.get(Number(params.issue_number));
      if (issue === undefined) return notFound;
      const tooLong = checkLength("Issue", body, { title: 256, body: 65_536 });
      if (tooLong !== undefined) return tooLong;
      if (body.title !== undefined) issue.title = String(body.title);
      if (body.body !== undefined) issue.body = body.body === null ? null : String(body.body);
      if (body.labels !== undefined) issue.labels = namesOf(body.labels);
      if (body.state === "open" || body.state === "closed") issue.state = body.state;
      if (body.state_reason !== undefined) issue.stateReason = body.state_reason === null ? null : String(body.state_reason);
      issue.updatedAt = now();
      return ok(answers.issue(issue));
    },
  },

  {
    method: "GET",
    template: `${R}/issues/{issue_number}/comments`,
    permission: conversationRead,
    handle({ params, query }, { state, answers }) {
      const number = Number(params.issue_number);
      if (!isThere(state, number)) return notFound;
      const { since = "" } = query;
      return ok(state.comments.filter((comment) => comment.number === number && comment.updatedAt >= since).map(answers.comment));
    },
  },
  {
    method: "POST",
    template: `${R}/issues/{issue_number}/comments`,
    permission: conversation,
    handle({ params, body, login }, { state, answers, now, nextId }) {
      const number = Number(params.issue_number);
      if (!isThere(state, number)) return notFound;
      const tooLong = checkLength("IssueComment", body, { body: 65_536 });
      if (tooLong !== undefined) return tooLong;
      const comment = { id: nextId(), number, author: login, body: String(body.body), createdAt: now(), updatedAt: now() };
      state.comments.push(comment);
      return created(answers.comment(comment));
    },
  },
  {
    method: "GET",
    template: `${R}/issues/comments`,
    permission: conversationRead,
    handle({ query }, { state, answers }) {
      const all = query.direction === "desc" ? state.comments.toReversed() : state.comments;
      return ok(all.map(answers.comment));
    },
  },
  {
    method: "GET",
    template: `${R}/issues/comments/{comment_id}`,
    permission: conversationRead,
    handle({ params }, { state, answers }) {
      const comment = state.comments.find(({ id }) => id === Number(params.comment_id));
      return comment === undefined ? notFound : ok(answers.comment(comment));
    },
  },
  {
    method: "PATCH",
    template: `${R}/issues/comments/{comment_id}`,
    permission: conversation,
    handle({ params, body }, { state, answers, now }) {
      const comment = state.comments.find(({ id }) => id === Number(params.comment_id));
      if (comment === undefined) return notFound;
      const tooLong = checkLength("IssueComment", body, { body: 65_536 });
      if (tooLong !== undefined) return tooLong;
      comment.body = String(body.body);
      comment.updatedAt = now();
      return ok(answers.comment(comment));
    },
  },

  {
    method: "POST",
    template: `${R}/issues/{issue_number}/labels`,
    permission: conversation,
    handle({ params, body, login }, { state, answers, now, nextId }) {
      const number = Number(params.issue_number);
      const labelled = state.pullRequests.get(number) ?? state.issues.get(number);
      if (labelled === undefined) return notFound;
      for (const label of namesOf(body.labels)) {
        if (labelled.labels.includes(label)) continue;
        labelled.labels.push(label);
        state.labelEvents.push({ id: nextId(), number, event: "labeled", label, by: login, at: now() });
      }
      return ok(labelled.labels.map(answers.label));
    },
  },
  {
    method: "DELETE",
    template: `${R}/issues/{issue_number}/labels/{name}`,
    permission: conversation,
    handle({ params, login }, { state, answers, now, nextId }) {
      const number = Number(params.issue_number);
      const labelled = state.pullRequests.get(number) ?? state.issues.get(number);
      const label = params.name ?? "";
      if (labelled === undefined || !labelled.labels.includes(label)) return notFound;
      labelled.labels = labelled.labels.filter((each) => each !== label);
      state.labelEvents.push({ id: nextId(), number, event: "unlabeled", label, by: login, at: now() });
      return ok(labelled.labels.map(answers.label));
    },
  },
  ...["events", "timeline"].map(
    (list): GithubRoute => ({
      method: "GET",
      template: `${R}/issues/{issue_number}/${list}`,
      permission: conversationRead,
      handle({ params }, { state, answers }) {
        const number = Number(params.issue_number);
        return isThere(state, number) ? ok(state.labelEvents.filter((event) => event.number === number).map(answers.labelEvent)) : notFound;
      },
    }),
  ),

  {
    method: "GET",
    template: `${R}/deployments`,
    permission: "deployments=read",
    handle({ query }, { state, answers }) {
      const fits = (deployment: DeploymentState): boolean =>
        (["ref", "sha", "environment"] as const).every((name) => query[name] === undefined || query[name] === deployment[name]);
      return ok(state.deployments.filter(fits).toReversed().map(answers.deployment));
    },
  },
  {
    method: "POST",
    template: `${R}/deployments`,
    permission: "deployments=write",
    async handle({ body, login }, { state, answers, git, now, nextId }) {
      const ref = String(body.ref);
      const sha = git === undefined ? "a".repeat(40) : await commitOf(git, ref).catch(() => undefined);
      if (sha === undefined) return invalid("Deployment", "ref", `No ref found for: ${ref}`);
      const deployment: DeploymentState = {
        id: nextId(),
        ref,
        sha,
        environment: String(body.environment ?? "production"),
        description: typeof body.description === "string" ? body.description : null,
        payload: body.payload ?? "",
        creator: login,
        createdAt: now(),
        statuses: [],
      };
      state.deployments.push(deployment);
      return created(answers.deployment(deployment));
    },
  },
  {
    method: "GET",
    template: `${R}/deployments/{deployment_id}/statuses`,
    permission: "deployments=read",
    handle({ params }, { state, answers }) {
      const deployment = state.deployments.find(({ id }) => id === Number(params.deployment_id));
      return deployment === undefined ? notFound : ok(deployment.statuses.map((status) => answers.status(status, deployment)));
    },
  },
  {
    method: "POST",
    template: `${R}/deployments/{deployment_id}/statuses`,
    permission: "deployments=write",
    handle({ params, body }, { state, answers, now, nextId }) {
      const deployment = state.deployments.find(({ id }) => id === Number(params.deployment_id));
      if (deployment === undefined) return notFound;
      const tooLong = checkLength("DeploymentStatus", body, { description: 140 });
      if (tooLong !== undefined) return tooLong;
      const status = {
        id: nextId(),
        state: String(body.state),
        description: String(body.description ?? ""),
        environmentUrl: String(body.environment_url ?? ""),
        logUrl: String(body.log_url ?? body.target_url ?? ""),
        createdAt: now(),
      };
      deployment.statuses.unshift(status);
      return created(answers.status(status, deployment));
    },
  },
];

function isThere(state: GithubState, number: number): boolean {
  return state.pullRequests.has(number) || state.issues.has(number);
}

function namesOf(labels: unknown): string[] {
  if (!Array.isArray(labels)) return [];
  return labels.map((label: unknown) =>
    typeof label === "object" && label !== null && "name" in label ? String(label.name) : String(label),
  );
}

function checkLength(resource: string, body: Readonly<Record<string, unknown>>, most: Record<string, number>): GithubAnswer | undefined {
  for (const [field, limit] of Object.entries(most)) {
    const text = body[field];
    if (typeof text === "string" && [...text].length > limit) {
      return invalid(resource, field, `${field} is too long (maximum is ${limit} characters)`);
    }
  }
  return undefined;
}

function invalid(resource: string, field: string, message: string): GithubAnswer {
  const errors = [{ resource, field, code: "unprocessable", message }];
  return { status: 422, body: { message: "Validation Failed", errors, documentation_url: "https://docs.github.com/rest", status: "422" } };
}
