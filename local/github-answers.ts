import type { GithubDescription } from "./github-description.ts";
import type { CommentState, DeploymentState, IssueState, LabelEventState, PullRequestState, StatusState } from "./github-state.ts";

type Json = Record<string, unknown>;

/** Makes the answers that GitHub gives about what the double holds: GitHub's own examples, filled. `url` is the API's address. */
export function githubAnswers(description: GithubDescription, repository: string, url: string) {
  const home = "https://github.com";
  const here = `${url}/repos/${repository}`;
  const texts = new Map<string, string>();
  const example = (name: string): Json => {
    const text =
      texts.get(name) ??
      JSON.stringify(description.example(name)).replaceAll("octocat/Hello-World", repository).replaceAll("https://api.github.com", url);
    texts.set(name, text);
    return JSON.parse(text) as Json; // an example is an object
  };
  const user = (login: string): Json => ({
    ...example("simple-user"),
    login,
    id: idOf(login),
    type: login.endsWith("[bot]") ? "Bot" : "User",
    html_url: `${home}/${encodeURIComponent(login)}`,
  });
  const label = (name: string): Json => ({ ...example("label"), id: idOf(name), name, default: false });
  const repo = (name: string): Json => {
    const [owner = "", short = ""] = name.split("/");
    const given = example("pull-request").base as { repo: Json };
    return { ...given.repo, id: idOf(name), name: short, full_name: name, owner: user(owner), fork: name !== repository };
  };
  const branch = (ref: string, sha: string, name: string | null): Json => {
    const owner = (name ?? "ghost/").split("/")[0] ?? "";
    return { label: `${owner}:${ref}`, ref, sha, user: user(owner), repo: name === null ? null : repo(name) };
  };
  const pull = (state: PullRequestState, kind: "pull-request" | "pull-request-simple"): Json => ({
    ...example(kind === "pull-request" ? kind : "pull-request-simple-items"),
    id: state.number,
    number: state.number,
    url: `${here}/pulls/${state.number}`,
    html_url: `${home}/${repository}/pull/${state.number}`,
    title: state.title,
    body: state.body,
    state: state.state,
    user: user(state.author),
    base: branch(state.base.ref, state.base.sha, repository),
    head: branch(state.head.ref, state.head.sha, state.head.repository),
    labels: state.labels.map(label),
    requested_teams: [],
    merged_at: state.mergedAt,
    closed_at: state.state === "closed" ? state.mergedAt : null,
    merge_commit_sha: state.mergeCommit,
    ...(kind === "pull-request" ? { merged: state.mergedAt !== null, changed_files: state.files.length } : {}),
  });
  return {
    user,
    label,
    repository: (): Json => {
      // It is nobody's fork.
      const { parent: _, source: __, ...given } = example("full-repository-default-response");
      return { ...given, ...repo(repository), subscribers_count: 0, network_count: 0 };
    },
    pull: (state: PullRequestState): Json => pull(state, "pull-request"),
    pullInList: (state: PullRequestState): Json => pull(state, "pull-request-simple"),
    comment: (state: CommentState): Json => ({
      ...example("issue-comment"),
      id: state.id,
      url: `${here}/issues/comments/${state.id}`,
      html_url: `${home}/${repository}/issues/${state.number}#issuecomment-${state.id}`,
      issue_url: `${here}/issues/${state.number}`,
      body: state.body,
      user: user(state.author),
      created_at: state.createdAt,
      updated_at: state.updatedAt,
    }),
    issue: (state: IssueState): Json => {
      const { pull_request: _, ...given } = example("issue");
      return {
        ...given,
        id: state.id,
        number: state.number,
        url: `${here}/issues/${state.number}`,
        html_url: `${home}/${repository}/issues/${state.number}`,
        title: state.title,
        body: state.body,
        state: state.state,
        state_reason: state.stateReason,
        user: user(state.author),
        labels: state.labels.map(label),
        closed_at: state.state === "closed" ? state.updatedAt : null,
        created_at: state.createdAt,
        updated_at: state.updatedAt,
      };
    },
    /** A pull request is an issue, too, and is listed among them. */
    pullAsIssue: (state: PullRequestState): Json => ({
      ...example("issue"),
      id: state.number,
      number: state.number,
      url: `${here}/issues/${state.number}`,
      html_url: `${home}/${repository}/pull/${state.number}`,
      title: state.title,
      body: state.body,
      state: state.state,
      user: user(state.author),
      labels: state.labels.map(label),
    }),
    labelEvent: (state: LabelEventState): Json => ({
      ...example("issue-event-for-issue-items"),
      id: state.id,
      url: `${here}/issues/events/${state.id}`,
      actor: user(state.by),
      event: state.event,
      commit_id: null,
      commit_url: null,
      created_at: state.at,
      label: { name: state.label, color: "ededed" },
    }),
    file: (file: PullRequestState["files"][number]): Json => ({ ...example("diff-entry-items"), ...file }),
    deployment: (state: DeploymentState): Json => ({
      ...example("deployment"),
      id: state.id,
      url: `${here}/deployments/${state.id}`,
      statuses_url: `${here}/deployments/${state.id}/statuses`,
      repository_url: here,
      ref: state.ref,
      sha: state.sha,
      environment: state.environment,
      original_environment: state.environment,
      description: state.description,
      payload: state.payload,
      creator: user(state.creator),
      created_at: state.createdAt,
      updated_at: state.createdAt,
    }),
    status: (state: StatusState, deployment: DeploymentState): Json => ({
      ...example("deployment-status"),
      id: state.id,
      url: `${here}/deployments/${deployment.id}/statuses/${state.id}`,
      deployment_url: `${here}/deployments/${deployment.id}`,
      repository_url: here,
      state: state.state,
      description: state.description,
      environment: deployment.environment,
      environment_url: state.environmentUrl,
      log_url: state.logUrl,
      target_url: state.logUrl,
      creator: user(deployment.creator),
      created_at: state.createdAt,
      updated_at: state.createdAt,
    }),
    comparison: (compared: { status: string; ahead: number; behind: number; base: string; mergeBase: string }): Json => {
      const given = example("commit-comparison");
      const commit = given.base_commit as Json; // by the description
      return {
        ...given,
        base_commit: { ...commit, sha: compared.base },
        merge_base_commit: { ...commit, sha: compared.mergeBase },
        status: compared.status,
        ahead_by: compared.ahead,
        behind_by: compared.behind,
        total_commits: compared.ahead,
        commits: [],
        files: [],
      };
    },
  };
}

export type GithubAnswers = ReturnType<typeof githubAnswers>;

/** A number that stays the same for the same name. */
function idOf(name: string): number {
  return [...name].reduce((sum, character) => (sum * 31 + (character.codePointAt(0) ?? 0)) % 1_000_000_007, 7);
}
