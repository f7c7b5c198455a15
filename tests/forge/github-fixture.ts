import { createOctokit } from "../../actions/octokit.ts";
import { type GithubOptions, type LocalGithub, startGithub } from "../../local/github.ts";
import type { Log } from "../../src/log.ts";
import { GithubForge } from "../../src/services/github.ts";

export interface ForgeUnderTest {
  readonly github: LocalGithub;
  readonly forge: GithubForge;
  /** The forge of somebody with another token. */
  forgeWith(token: string, author?: string): GithubForge;
  /** What the forge waited, in seconds; it does so on a clock of its own. */
  readonly waits: number[];
  readonly warnings: string[];
}

/** The adapter over HTTP against the double, with a clock that pauses move on. */
export async function withGithub(options: Partial<GithubOptions>, work: (under: ForgeUnderTest) => Promise<void>): Promise<void> {
  const github = await startGithub({
    repository: "acme/data",
    tokens: { right: {} },
    pullRequests: [{ number: 3, head: { ref: "topic", sha: "b".repeat(40), repository: "acme/data" } }],
    ...options,
  });
  const waits: number[] = [];
  const warnings: string[] = [];
  const log: Log = { info() {}, warn: (message) => warnings.push(message), error() {} };
  let now = Date.parse("2026-01-01T00:00:00Z");
  const forgeWith = (token: string, author?: string): GithubForge =>
    new GithubForge({
      octokit: createOctokit(token, { baseUrl: github.url, paced: false }),
      repository: { owner: "acme", repo: "data" },
      log,
      ...(author === undefined ? {} : { author }),
      patience: {
        maxWaitSeconds: 300,
        now: () => new Date(now),
        async pause(seconds) {
          waits.push(seconds);
          now += seconds * 1000;
        },
      },
    });
  try {
    await work({ github, forge: forgeWith("right"), forgeWith, waits, warnings });
  } finally {
    await github.stop();
  }
  if (github.violations.length > 0) throw new Error(`not as GitHub describes it:\n${github.violations.join("\n")}`);
}
