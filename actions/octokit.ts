import { getOctokit } from "@actions/github";
import { throttling } from "@octokit/plugin-throttling";
import type { Octokit } from "../src/services/github-requests.ts";

/**
 * The client that `GithubForge` takes. Its address is `baseUrl`, or as the runner says in GITHUB_API_URL. It paces what it writes as GitHub asks for
 * (a second between writes, three between those that notify people) unless `paced` is false.
 */
export function createOctokit(token: string, options: { readonly baseUrl?: string; readonly paced?: boolean } = {}): Octokit {
  const { baseUrl, paced = true } = options;
  // Nothing is repeated here: the forge knows what may be sent again, and how long it may wait.
  const throttle = paced ? { onRateLimit: () => false, onSecondaryRateLimit: () => false } : { enabled: false as const };
  return getOctokit(token, { throttle, ...(baseUrl === undefined ? {} : { baseUrl }) }, throttling);
}
