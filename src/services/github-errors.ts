import { TransientError, UserError } from "../errors.ts";

/** What a call to GitHub was about, for messages: `read pull request #3`, and the permission it needs, as `permissions:` spells it. */
export interface GithubCall {
  readonly doing: string;
  readonly permission: string;
}

/** What @octokit/request-error throws; a connection that broke comes with status 500 and without a response. */
interface GithubError extends Error {
  readonly status: number;
  readonly response?: { readonly headers: Readonly<Record<string, string | number | undefined>>; readonly data: unknown };
}

/** An answer that broke off: Octokit passes on what there is of its text, even none, as if it were whole. */
export class BrokenAnswer extends Error implements GithubError {
  readonly status = 500;
  readonly request = undefined;
}

/** Pauses after a fault whose response says nothing of when to come back. */
const PAUSES_SECONDS = [1, 3, 9];
/** GitHub asks for at least a minute after a secondary rate limit that names no time. */
const SECONDARY_LIMIT_SECONDS = 60;

/**
 * Seconds to wait after the `tries`th try, as the response says: `retry-after`, else `x-ratelimit-reset`. undefined: trying again does not
 * help.
 */
export function waitAfter(error: unknown, tries: number, now: Date): number | undefined {
  if (!isGithubError(error)) return undefined;
  const said = seconds(header(error, "retry-after"));
  if (error.status >= 500) {
    const pause = PAUSES_SECONDS[tries - 1];
    return pause === undefined ? undefined : (said ?? pause);
  }
  if (!isLimit(error)) return undefined;
  const reset = header(error, "x-ratelimit-remaining") === "0" ? seconds(header(error, "x-ratelimit-reset")) : undefined;
  const untilReset = reset === undefined ? undefined : Math.ceil(reset - now.getTime() / 1000) + 1;
  // At least a second: a limit that says "now" again and again would be asked without end.
  return Math.max(1, said ?? untilReset ?? SECONDARY_LIMIT_SECONDS);
}

/** What went wrong, in one line, for the log. */
export function sayGithubError(error: unknown): string {
  return isGithubError(error) ? firstLine(error) : String(error);
}

/** Whether what was asked for may have been done all the same: the connection broke or the answer was lost; a refusal did nothing. */
export function mayHaveHappened(error: unknown): boolean {
  return isGithubError(error) && error.status >= 500;
}

/** An error of GitHub as a person should see it: a UserError or a TransientError of one line. Anything unknown is passed on: it is a bug. */
export function explainGithubError(error: unknown, { doing, permission }: GithubCall, until?: Date): unknown {
  if (!isGithubError(error)) return error;
  const said = firstLine(error);
  const problem = (what: string, hint: string): UserError => new UserError(`could not ${doing}: ${what}`, { hint, cause: error });
  if (until !== undefined) {
    return new TransientError(`could not ${doing}: GitHub asks to wait until ${until.toISOString()} (${said})`, {
      hint: "That is longer than dagline waits. Run the job again after that time.",
      cause: error,
    });
  }
  if (error.status >= 500 || isLimit(error)) {
    return new TransientError(
      `could not ${doing}: ${error.response === undefined ? "no answer" : `GitHub answers ${error.status}`} (${said})`,
      {
        hint: "Run the job again; https://www.githubstatus.com tells whether GitHub is in trouble.",
        cause: error,
      },
    );
  }
  if (error.status === 401)
    return problem(
      `GitHub does not accept the token (${said})`,
      "Pass the job's own token as `github-token`, or one that has not expired.",
    );
  if (error.status === 403)
    return problem(`GitHub denies it (${said})`, permissionHint(header(error, "x-accepted-github-permissions"), permission));
  if (error.status === 404) {
    return problem(
      "GitHub does not find it",
      `Is the name or number right? GitHub says the same of what the token may not see: the job needs \`${permission}\` under \`permissions:\`.`,
    );
  }
  if (error.status === 410)
    return problem(`it is gone, or switched off in the repository's settings (${said})`, "Switch issues on in the settings.");
  return problem(`GitHub refuses it with ${error.status} (${said})`, "GitHub's words say what is wrong with the request.");
}

/** The header's form: alternatives parted by `;`, what is needed together by `,`, e.g. `issues=write; pull_requests=write`. */
function permissionHint(accepted: string | undefined, permission: string): string {
  const alternatives = (accepted ?? "")
    .split(";")
    .map((alternative) =>
      [...alternative.matchAll(/([a-z_]+)=([a-z]+)/g)]
        .map(([, name = "", level = ""]) => `\`${name.replaceAll("_", "-")}: ${level}\``)
        .join(" and "),
    )
    .filter((text) => text !== "");
  const needed = alternatives.length === 0 ? `\`${permission}\`` : alternatives.join(", or ");
  return `Put ${needed} under \`permissions:\` of the job. In a pull request from a fork the token can only read, whatever the workflow says.`;
}

function isGithubError(error: unknown): error is GithubError {
  return error instanceof Error && "status" in error && typeof error.status === "number" && "request" in error;
}

function isLimit(error: GithubError): boolean {
  if (error.status === 429) return true;
  if (error.status !== 403) return false;
  return (
    header(error, "x-ratelimit-remaining") === "0" ||
    header(error, "retry-after") !== undefined ||
    /secondary rate limit/i.test(error.message)
  );
}

function header(error: GithubError, name: string): string | undefined {
  const value = error.response?.headers[name];
  return value === undefined ? undefined : String(value);
}

function seconds(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** One line of what GitHub said; a proxy or a GitHub in trouble says it in HTML. */
function firstLine(error: GithubError): string {
  const line = (error.message.trim().split(/[\r\n]/)[0] ?? "").slice(0, 300);
  if (line === "") return error.name;
  return line.startsWith("<") ? "with a page of HTML" : line;
}
