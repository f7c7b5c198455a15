import type { GithubAnswers } from "./github-answers.ts";
import type { GithubState } from "./github-state.ts";

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

/** What the path of each call about a repository starts with. */
export const REPOSITORY = "/repos/{owner}/{repo}";
export const notFound: GithubAnswer = {
  status: 404,
  body: { message: "Not Found", documentation_url: "https://docs.github.com/rest", status: "404" },
};
export const ok = (body: unknown): GithubAnswer => ({ status: 200, body });
export const created = (body: unknown): GithubAnswer => ({ status: 201, body });
/** An issue and a pull request are commented on alike. */
export const conversation = "issues=write; pull_requests=write";
export const conversationRead = "issues=read; pull_requests=read";

type Handle = GithubRoute["handle"];

/** Answers about an issue or pull request, by its number, when it is there. */
export function ofConversation(answer: (number: number, ...given: Parameters<Handle>) => GithubAnswer): Handle {
  return (request, context) => {
    const number = Number(request.params.issue_number);
    const { pullRequests, issues } = context.state;
    return pullRequests.has(number) || issues.has(number) ? answer(number, request, context) : notFound;
  };
}

/** Answers a body whose texts are not too long, in characters. */
export function limited(resource: string, most: Readonly<Record<string, number>>, answer: Handle): Handle {
  return (request, context) => checkLength(resource, request.body, most) ?? answer(request, context);
}

/** Labels come as names or as objects. */
export function namesOf(labels: unknown): string[] {
  if (!Array.isArray(labels)) return [];
  return labels.map((label: unknown) =>
    typeof label === "object" && label !== null && "name" in label ? String(label.name) : String(label),
  );
}

/** GitHub's refusal of a text that is too long. */
function checkLength(resource: string, body: Readonly<Record<string, unknown>>, most: Record<string, number>): GithubAnswer | undefined {
  for (const [field, limit] of Object.entries(most)) {
    const text = body[field];
    if (typeof text === "string" && [...text].length > limit) {
      return invalid(resource, field, `${field} is too long (maximum is ${limit} characters)`);
    }
  }
  return undefined;
}

export function invalid(resource: string, field: string, message: string): GithubAnswer {
  const errors = [{ resource, field, code: "unprocessable", message }];
  return { status: 422, body: { message: "Validation Failed", errors, documentation_url: "https://docs.github.com/rest", status: "422" } };
}
