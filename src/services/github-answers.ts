import type { PullRequest } from "../forge/forge.ts";

/** The parts that are read of what GitHub answers, as its OpenAPI description has them; the double checks that they are so. */
interface GithubUser {
  readonly login: string;
}

export interface GithubComment {
  readonly id: number;
  readonly html_url: string;
  readonly body?: string;
  readonly user: GithubUser | null;
  readonly updated_at: string;
}

export interface GithubIssue {
  readonly id: number;
  readonly number: number;
  readonly html_url: string;
  readonly title: string;
  readonly body?: string | null;
  readonly state: string;
  readonly user: GithubUser | null;
  readonly labels: readonly (string | { readonly name?: string | null })[];
  /** Only when the issue is a pull request. */
  readonly pull_request?: unknown;
}

/** Alike in a list and alone, in these parts. */
export interface GithubPullRequest {
  readonly number: number;
  readonly html_url: string;
  readonly title: string;
  readonly state: string;
  readonly base: { readonly sha: string; readonly ref: string; readonly repo: { readonly full_name: string } };
  readonly head: { readonly sha: string; readonly ref: string; readonly repo: { readonly full_name: string } | null };
  readonly labels: readonly { readonly name: string }[];
  readonly merged_at: string | null;
  readonly merge_commit_sha: string | null;
  readonly user: GithubUser | null;
}

export interface GithubIssueEvent {
  readonly event: string;
  readonly actor: GithubUser | null;
  readonly created_at: string;
  readonly label?: { readonly name: string };
}

export interface GithubDeployment {
  readonly id: number;
  readonly url: string;
  readonly payload: unknown;
}

export interface GithubDeploymentStatus {
  readonly state: string;
  readonly description: string;
  readonly environment_url?: string;
  readonly log_url?: string;
}

export function pullRequestOf(answer: GithubPullRequest): PullRequest {
  const repository = answer.head.repo?.full_name;
  return {
    number: answer.number,
    url: answer.html_url,
    title: answer.title,
    state: answer.state === "open" ? "open" : "closed",
    base: { sha: answer.base.sha, ref: answer.base.ref },
    head: { sha: answer.head.sha, ref: answer.head.ref, repository },
    // Not `head.repo.fork`: the repository itself may be somebody's fork.
    fork: repository !== answer.base.repo.full_name,
    labels: answer.labels.map(({ name }) => name),
    merged: answer.merged_at !== null,
    mergeCommit: answer.merge_commit_sha ?? undefined,
    author: answer.user?.login,
  };
}

export function labelNames(labels: GithubIssue["labels"]): string[] {
  return labels.flatMap((label) => (typeof label === "string" ? label : (label.name ?? [])));
}
