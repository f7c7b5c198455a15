import type { Log } from "../log.ts";
import { BrokenAnswer, explainGithubError, type GithubCall, mayHaveHappened, sayGithubError, waitAfter } from "./github-errors.ts";

/** As much of Octokit as is used; `createOctokit` in actions/octokit.ts makes one. It must not repeat requests by itself. */
export interface Octokit {
  request(route: string, parameters?: Record<string, unknown>): Promise<OctokitAnswer>;
}

interface OctokitAnswer {
  readonly data: unknown;
  readonly headers: Readonly<Record<string, string | number | undefined>>;
}

export interface Patience {
  /** The most that one call waits in all, in seconds. Beyond it a TransientError says until when GitHub asks to wait. */
  readonly maxWaitSeconds: number;
  pause(seconds: number): Promise<void>;
  now(): Date;
}

/** Longer than GitHub's own limit of 10 s for a request. */
const TIMEOUT_MS = 30_000;

/** Requests about one repository, repeated where waiting helps. Errors come out explained. */
export class GithubRequests {
  readonly #octokit: Octokit;
  readonly #repository: { readonly owner: string; readonly repo: string };
  readonly #patience: Patience;
  readonly #log: Log;

  constructor(octokit: Octokit, repository: { readonly owner: string; readonly repo: string }, patience: Patience, log: Log) {
    this.#octokit = octokit;
    this.#repository = repository;
    this.#patience = patience;
    this.#log = log;
  }

  /** A request that may be repeated as it is: a read, or an edit that names what it changes. `T` is GitHub's published answer. */
  call<T>(call: GithubCall, route: string, parameters: Record<string, unknown> = {}): Promise<T> {
    return this.#patiently(call, async () => (await this.#send(route, parameters)).data as T); // checked by no one here: the double validates
  }

  /** A request that makes something: when it may have come through although it failed, `find` looks before it is made again. */
  create<T>(call: GithubCall, route: string, parameters: Record<string, unknown>, find: () => Promise<T | undefined>): Promise<T> {
    return this.#patiently(call, async () => (await this.#send(route, parameters)).data as T, find);
  }

  /** Each item of all pages, in GitHub's order; pages are read as they are asked for. */
  async *list<T>(call: GithubCall, route: string, parameters: Record<string, unknown> = {}): AsyncGenerator<T> {
    for (let next: string | undefined = route; next !== undefined; ) {
      const target: string = next;
      // The link to the next page holds the parameters.
      const page = await this.#patiently(call, () =>
        target === route ? this.#send(route, { per_page: 100, ...parameters }) : this.#request(target, {}),
      );
      yield* page.data as T[];
      const link = /<([^>]+)>; rel="next"/.exec(String(page.headers.link ?? ""))?.[1];
      next = link === undefined ? undefined : `GET ${link}`;
    }
  }

  #send(route: string, parameters: Record<string, unknown>): Promise<OctokitAnswer> {
    return this.#request(route, { ...this.#repository, ...parameters });
  }

  async #request(route: string, parameters: Record<string, unknown>): Promise<OctokitAnswer> {
    const answer = await this.#octokit.request(route, {
      ...parameters,
      headers: { "x-github-api-version": "2022-11-28" },
      request: { signal: AbortSignal.timeout(TIMEOUT_MS) },
    });
    // Each call that is made here answers with an object or a list.
    if (typeof answer.data !== "object" || answer.data === null) throw new BrokenAnswer("the answer broke off");
    return answer;
  }

  async #patiently<T>(call: GithubCall, work: () => Promise<T>, find?: () => Promise<T | undefined>): Promise<T> {
    const { maxWaitSeconds, pause, now } = this.#patience;
    let waited = 0;
    for (let tries = 1; ; tries++) {
      try {
        return await work();
      } catch (error) {
        const wait = waitAfter(error, tries, now());
        if (wait === undefined) {
          const made = mayHaveHappened(error) ? await find?.() : undefined;
          if (made !== undefined) return made;
          throw explainGithubError(error, call);
        }
        if (waited + wait > maxWaitSeconds) throw explainGithubError(error, call, new Date(now().getTime() + wait * 1000));
        this.#log.info(`could not ${call.doing} yet (${sayGithubError(error)}); trying again in ${wait} s`);
        await pause(wait);
        waited += wait;
        const made = mayHaveHappened(error) ? await find?.() : undefined;
        if (made !== undefined) return made;
      }
    }
  }
}
