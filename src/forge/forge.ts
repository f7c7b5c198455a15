import type { Marker } from "./marker.ts";

/**
 * What the actions need of the place that hosts the repository. The adapter is src/services/github.ts.
 * Every method throws UserError when a person can mend it (a missing permission, something that is not there, a text that is too long)
 * and TransientError when the service stays busy or broken for longer than the adapter waits. Nothing is created twice by a repetition.
 */
export interface Forge {
  /** The first comment, over all pages, whose body starts with the marker and whose author is `author`, by default the token's. */
  findComment(number: number, marker: Marker, author?: string): Promise<Comment | undefined>;
  /** Writes `body` into the one comment with the marker on an issue or pull request: edits it in place, or creates it. */
  upsertComment(number: number, marker: Marker, body: string): Promise<Upserted>;

  pullRequest(number: number): Promise<PullRequest>;
  /** The merged pull request that brought a commit; undefined for one that was pushed without any. */
  pullRequestOfCommit(sha: string): Promise<PullRequest | undefined>;
  openPullRequests(): Promise<readonly PullRequest[]>;
  /** When and by whom each label that the pull request bears now was given last. */
  labelEvents(number: number): Promise<readonly LabelEvent[]>;
  /** `complete` is false where the service stops listing: at 3,000 files. */
  changedFiles(number: number): Promise<{ readonly files: readonly ChangedFile[]; readonly complete: boolean }>;

  /** Whether commit `ancestor` is `commit` or is in its history. */
  isAncestor(ancestor: string, commit: string): Promise<boolean>;

  createDeployment(deployment: NewDeployment): Promise<{ readonly id: number; readonly url: string }>;
  /** `url` is where the deployed thing is, `logUrl` where its log is. The description is cut at 140 characters, which is the most. */
  setDeploymentStatus(id: number, state: DeploymentState, details?: StatusDetails): Promise<void>;

  /** The first open issue, over all pages, of the token's author whose body starts with the marker. */
  findIssue(marker: Marker): Promise<Issue | undefined>;
  /**
   * Writes the one open issue with the marker. A closed one is never opened again: it is the record of something that was mended,
   * and what comes later is a new matter. Labels are added, never taken away: people label issues, too.
   */
  upsertIssue(marker: Marker, title: string, body: string, labels: readonly string[]): Promise<Upserted & { readonly number: number }>;
  /** Says why in a comment, then closes; does nothing to an issue that is closed. */
  closeIssue(number: number, comment: string): Promise<void>;
}

export interface Upserted {
  readonly id: number;
  readonly url: string;
  readonly outcome: "created" | "updated" | "unchanged";
}

export interface Comment {
  readonly id: number;
  readonly url: string;
  /** Without its marker, as `upsertComment` takes it. */
  readonly body: string;
  readonly author: string;
  /** ISO 8601. */
  readonly updatedAt: string;
}

export interface PullRequest {
  readonly number: number;
  readonly url: string;
  readonly title: string;
  readonly state: "open" | "closed";
  readonly base: { readonly sha: string; readonly ref: string };
  /** `repository` is OWNER/NAME, or undefined when the fork is gone. */
  readonly head: { readonly sha: string; readonly ref: string; readonly repository: string | undefined };
  /** The head is in another repository than the base. */
  readonly fork: boolean;
  readonly labels: readonly string[];
  readonly merged: boolean;
  /** Once merged, the commit on the base branch; before that, GitHub's trial merge or undefined. */
  readonly mergeCommit: string | undefined;
  /** undefined when the account is gone. */
  readonly author: string | undefined;
}

export interface LabelEvent {
  readonly label: string;
  /** ISO 8601. */
  readonly at: string;
  /** undefined when the account is gone. */
  readonly by: string | undefined;
}

export interface ChangedFile {
  readonly path: string;
  readonly status: "added" | "removed" | "modified" | "renamed" | "copied" | "changed" | "unchanged";
  readonly previousPath: string | undefined;
}

export interface NewDeployment {
  /** A commit, branch or tag. */
  readonly ref: string;
  readonly environment: string;
  readonly description: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** What makes two requests the same deployment, e.g. the run's id and attempt. Default: each call is one of its own. */
  readonly key?: string;
}

export type DeploymentState = "queued" | "in_progress" | "success" | "failure" | "error" | "inactive";

export interface StatusDetails {
  readonly url?: string;
  readonly logUrl?: string;
  readonly description?: string;
}

export interface Issue {
  readonly number: number;
  readonly id: number;
  readonly url: string;
  readonly title: string;
  /** Without its marker. */
  readonly body: string;
  readonly labels: readonly string[];
  readonly state: "open" | "closed";
}
