import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { githubAnswers } from "./github-answers.ts";
import { commentRoutes } from "./github-comment-routes.ts";
import { deploymentRoutes } from "./github-deployment-routes.ts";
import { readGithubDescription } from "./github-description.ts";
import { type GithubFault, GithubFaults } from "./github-faults.ts";
import { issueRoutes } from "./github-issue-routes.ts";
import { pullRoutes } from "./github-pull-routes.ts";
import type { GithubAnswer, GithubContext, GithubRoute } from "./github-route.ts";
import { type GithubState, type NewPullRequest, pullRequestState } from "./github-state.ts";

export interface GithubOptions {
  /** OWNER/NAME; any other is not found. */
  readonly repository: string;
  /** Each token that is known, and what it may do. */
  readonly tokens: Readonly<Record<string, GithubToken>>;
  readonly pullRequests?: readonly NewPullRequest[];
  /** A folder with the repository: commits are compared there. */
  readonly git?: string;
}

interface GithubToken {
  /** Whom it writes as. Default: `github-actions[bot]`. */
  readonly login?: string;
  /** As under `permissions:` of a workflow, e.g. `{ issues: "write" }`. Default: everything. */
  readonly permissions?: Readonly<Record<string, "read" | "write">>;
}

export interface LocalGithub {
  /** What GITHUB_API_URL is to be. */
  readonly url: string;
  readonly state: GithubState;
  readonly requests: readonly { readonly method: string; readonly path: string; readonly status: number | "closed" }[];
  /** Where a request, or the double's own answer, is not as GitHub describes it. A test ends by asserting that there is none. */
  readonly violations: readonly string[];
  fail(fault: GithubFault): void;
  stop(): Promise<void>;
}

/**
 * GitHub's REST API for one repository, held in memory, on 127.0.0.1: the calls that dagline makes. Requests and answers are checked against
 * GitHub's published OpenAPI description.
 */
export async function startGithub({ repository, tokens, pullRequests = [], git }: GithubOptions): Promise<LocalGithub> {
  const description = readGithubDescription();
  const faults = new GithubFaults();
  const violations: string[] = [];
  const requests: { method: string; path: string; status: number | "closed" }[] = [];
  const state: GithubState = {
    pullRequests: new Map(pullRequests.map((each) => [each.number, pullRequestState(each)])),
    issues: new Map(),
    comments: [],
    labelEvents: [],
    deployments: [],
  };
  let lastId = 1000;
  let context: GithubContext;

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      violations.push(`the double failed: ${error instanceof Error ? error.stack : error}`);
      response.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // listening on a port
  context = {
    state,
    answers: githubAnswers(description, repository, url),
    git,
    now: () => `${new Date().toISOString().slice(0, 19)}Z`,
    nextId: () => ++lastId,
  };

  return {
    url,
    state,
    requests,
    violations,
    fail: (fault) => faults.add(fault),
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "/", url);
    const method = request.method ?? "GET";
    const text = await read(request);
    const fault = faults.take(method, pathname);
    const answer =
      fault === undefined || fault.afterChange === true || fault.answer === "answer broken off"
        ? await answerTo(method, pathname, searchParams, text, request)
        : undefined;
    if (fault?.answer === "connection closed") {
      requests.push({ method, path: pathname, status: "closed" });
      response.destroy();
      return;
    }
    if (fault?.answer === "answer broken off") {
      requests.push({ method, path: pathname, status: "closed" });
      const whole = JSON.stringify(answer?.body);
      response.writeHead(answer?.status ?? 500, { "content-type": "application/json", "content-length": Buffer.byteLength(whole) });
      response.write(whole.slice(0, whole.length / 2), () => response.destroy());
      return;
    }
    const { status, body, headers = {} } = fault === undefined ? (answer ?? failure(500, "no answer")) : faultAnswer(fault.answer);
    requests.push({ method, path: pathname, status });
    response.writeHead(status, { "content-type": "application/json; charset=utf-8", ...headers });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  }

  async function answerTo(method: string, path: string, search: URLSearchParams, text: string, request: IncomingMessage): Promise<Answer> {
    const token = tokens[/^(?:token|bearer) (.+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? ""];
    if (token === undefined) return failure(401, "Bad credentials");
    const login = token.login ?? "github-actions[bot]";
    if (path === "/user") return failure(403, "Resource not accessible by integration");
    const found = findRoute(method, path);
    if (found === undefined) {
      violations.push(`${method} ${path}: the double knows no such call`);
      return failure(404, "Not Found");
    }
    const { route, params } = found;
    if (`${params.owner}/${params.repo}`.toLowerCase() !== repository.toLowerCase()) return failure(404, "Not Found");
    if (!isAllowed(route.permission, token.permissions)) {
      return { ...failure(403, "Resource not accessible by integration"), headers: { "x-accepted-github-permissions": route.permission } };
    }
    const query = Object.fromEntries(search);
    const body = parse(text);
    const problems = description.checkRequest(method, route.template, query, body);
    if (problems.length > 0) {
      violations.push(...problems.map((problem) => `${method} ${path}: ${problem}`));
      const errors = problems.map((message) => ({ code: "custom", message }));
      return { status: 422, body: { message: "Invalid request.", errors, documentation_url: "https://docs.github.com/rest" } };
    }
    const given = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
    const answer = paged(await route.handle({ params, query, body: given, login }, context), path, search);
    const wrong = description.checkResponse(method, route.template, answer.status, answer.body);
    violations.push(...wrong.map((problem) => `the answer ${answer.status} to ${method} ${path}: ${problem}`));
    return answer;
  }

  /** Cuts a list into the page that is asked for, and links to the next and the last, as GitHub does. */
  function paged(answer: GithubAnswer, path: string, search: URLSearchParams): Answer {
    if (!Array.isArray(answer.body)) return answer;
    const size = Math.min(Math.max(1, Number(search.get("per_page") ?? 30)), 100);
    const page = Math.max(1, Number(search.get("page") ?? 1));
    const last = Math.max(1, Math.ceil(answer.body.length / size));
    const link = (to: number, name: string): string => {
      const target = new URL(path, url);
      for (const [key, value] of search) target.searchParams.set(key, value);
      target.searchParams.set("page", String(to));
      return `<${target}>; rel="${name}"`;
    };
    const before = page > 1 ? [link(page - 1, "prev"), link(1, "first")] : [];
    const after = page < last ? [link(page + 1, "next"), link(last, "last")] : [];
    const links = [...before, ...after].join(", ");
    return {
      status: answer.status,
      body: answer.body.slice((page - 1) * size, page * size),
      headers: links === "" ? {} : { link: links },
    };
  }
}

interface Answer extends GithubAnswer {
  readonly headers?: Readonly<Record<string, string>>;
}

function failure(status: number, message: string): Answer {
  return { status, body: { message, documentation_url: "https://docs.github.com/rest", status: String(status) } };
}

function faultAnswer({ status, message = "Fault", headers = {} }: Exclude<GithubFault["answer"], string>): Answer {
  return { ...failure(status, message), headers };
}

function findRoute(method: string, path: string): { route: GithubRoute; params: Record<string, string> } | undefined {
  for (const route of [...pullRoutes, ...issueRoutes, ...commentRoutes, ...deploymentRoutes]) {
    if (route.method !== method) continue;
    // Numbers only where the description has them, so that `issues/comments` is not an issue; a comparison may name branches with slashes.
    const pattern = route.template.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
      const characters = name === "basehead" ? ".+" : /_(number|id)$/.test(name) ? "\\d+" : "[^/]+";
      return `(?<${name}>${characters})`;
    });
    const groups = new RegExp(`^${pattern}$`).exec(path)?.groups;
    if (groups === undefined && path !== route.template) continue;
    const params = Object.fromEntries(Object.entries(groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value)]));
    return { route, params };
  }
  return undefined;
}

/** The permissions' form: alternatives parted by `;`, what is needed together by `,`. */
function isAllowed(accepted: string, permissions: GithubToken["permissions"]): boolean {
  if (permissions === undefined) return true;
  const has = (name: string): string | undefined => (name === "metadata" ? "read" : permissions[name.replaceAll("_", "-")]);
  return accepted.split(";").some((alternative) =>
    alternative.split(",").every((needed) => {
      const [name = "", level = ""] = needed.trim().split("=");
      return has(name) === "write" || has(name) === level;
    }),
  );
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer); // no encoding is set
  return Buffer.concat(chunks).toString();
}

function parse(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
