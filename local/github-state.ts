/** What the double holds. Tests may read and change it at any time. */
export interface GithubState {
  readonly pullRequests: Map<number, PullRequestState>;
  readonly issues: Map<number, IssueState>;
  /** On issues and pull requests, oldest first, as GitHub lists them. */
  readonly comments: CommentState[];
  readonly labelEvents: LabelEventState[];
  /** Oldest first. */
  readonly deployments: DeploymentState[];
}

export interface PullRequestState {
  readonly number: number;
  title: string;
  body: string | null;
  author: string;
  base: { ref: string; sha: string };
  /** `repository` is OWNER/NAME; null when the fork is gone. */
  head: { ref: string; sha: string; repository: string | null };
  labels: string[];
  state: "open" | "closed";
  /** ISO 8601. */
  mergedAt: string | null;
  mergeCommit: string | null;
  files: { filename: string; status: string; previous_filename?: string }[];
}

export interface IssueState {
  readonly id: number;
  readonly number: number;
  title: string;
  body: string | null;
  author: string;
  labels: string[];
  state: "open" | "closed";
  stateReason: string | null;
  readonly createdAt: string;
  updatedAt: string;
}

export interface CommentState {
  readonly id: number;
  /** Of the issue or pull request. */
  readonly number: number;
  readonly author: string;
  body: string;
  readonly createdAt: string;
  updatedAt: string;
}

export interface LabelEventState {
  readonly id: number;
  readonly number: number;
  readonly event: "labeled" | "unlabeled";
  readonly label: string;
  readonly by: string;
  at: string;
}

export interface DeploymentState {
  readonly id: number;
  readonly ref: string;
  readonly sha: string;
  readonly environment: string;
  readonly description: string | null;
  readonly payload: unknown;
  readonly creator: string;
  readonly createdAt: string;
  /** Newest first, as GitHub lists them. */
  readonly statuses: StatusState[];
}

export interface StatusState {
  readonly id: number;
  readonly state: string;
  readonly description: string;
  readonly environmentUrl: string;
  readonly logUrl: string;
  readonly createdAt: string;
}

export type NewPullRequest = Pick<PullRequestState, "number" | "head"> & Partial<PullRequestState>;

export function pullRequestState(given: NewPullRequest): PullRequestState {
  return {
    title: `Pull request ${given.number}`,
    body: null,
    author: "octocat",
    base: { ref: "main", sha: "0".repeat(40) },
    labels: [],
    state: "open",
    mergedAt: null,
    mergeCommit: null,
    files: [],
    ...given,
  };
}
