import * as assert from "uvu/assert";
import { planAgainstDeployed } from "../../actions/plan.ts";
import { commentBody, planMarker, reviewedOf } from "../../actions/plan-comment.ts";
import { run } from "../../actions/sync/main.ts";
import { sync } from "../../src/deploy/sync.ts";
import { UserError } from "../../src/errors.ts";
import { mark } from "../../src/forge/marker.ts";
import { silentLog } from "../../src/log.ts";
import { contentsOfRelease } from "../../src/plan/contents.ts";
import type { Plan } from "../../src/plan/model.ts";
import { thrownBy } from "../../src/testkit/thrown-by.ts";
import { type ForgeUnderTest, withGithub } from "../forge/github-fixture.ts";

import { type MemoryBucket, memoryBucket } from "./memory-bucket.ts";
import { makeProject } from "./project.ts";
import { makeRepository, type Repository } from "./repository.ts";
import { hostThat, type TestServices, testServices } from "./services.ts";

export const inputs = {
  environment: "production",
  "allow-destructive": false,
  infra: "",
  "github-token": "",
  "comment-author": "",
  "working-directory": ".",
} as const;
export const bot = "github-actions[bot]";

interface Deploy {
  readonly github: ForgeUnderTest["github"];
  readonly bucket: MemoryBucket;
  readonly project: ReturnType<typeof makeProject>;
  readonly history: Repository;
  /** The commit that is deployed when the test starts, and the merge of #3 that comes after it. */
  readonly base: string;
  readonly merge: string;
  /** Runs that are under way, by DAG. */
  readonly inFlight: Record<string, number>;
  services(sha?: string): TestServices;
  /** #3 showed this plan in its comment. */
  reviewed(plan: Plan): void;
  plan(): Promise<Plan>;
  label(at: string, by?: string): void;
}

/** The plain scrape is deployed; the pull request #3 is merged. */
export async function deploying(work: (deploy: Deploy) => Promise<void>, fixture: Parameters<typeof withGithub>[0] = {}): Promise<void> {
  const [project, history, bucket] = [makeProject(), makeRepository(), memoryBucket()];
  const inFlight: Record<string, number> = {};
  const busyHost = hostThat(() => ({ print: { release: null, healthy: true, dags: 1, problems: [], in_flight: inFlight } }));
  const [base, merge] = [history.commit({ a: "1" }), history.commit({ a: "2" })];
  await sync(await project.render(), bucket, { commit: base, now: new Date(), log: silentLog });
  const head = { ref: "topic", sha: "b".repeat(40), repository: "acme/data" };
  const merged = { state: "closed", mergedAt: "2026-01-02T00:00:00Z", mergeCommit: merge } as const;
  try {
    await withGithub({ git: history.root, pullRequests: [{ number: 3, head, ...merged }], ...fixture }, async ({ github, forge }) => {
      const services = (sha = merge): TestServices => testServices({ root: project.root, forge, bucket, host: busyHost, run: { sha } });
      await work({
        ...{ github, bucket, project, history, base, merge, inFlight, services },
        plan: async () => planAgainstDeployed(contentsOfRelease(await project.render(), merge), bucket, "production", services()),
        reviewed: (plan) => comment(github, 3, commentBody(reviewedOf(plan, head.sha, "2026-01-01T12:00:00.000Z"), "the plan")),
        label(at, by = "octocat") {
          github.state.pullRequests.get(3)?.labels.push("allow-destructive");
          github.state.labelEvents.push({ id: 1, number: 3, event: "labeled", label: "allow-destructive", by, at });
        },
      });
    });
  } finally {
    project.remove();
    history.remove();
  }
}

export function comment(github: ForgeUnderTest["github"], number: number, body: string): void {
  const at = { createdAt: "2026-01-01T00:00:00Z", updatedAt: "2026-01-01T00:00:00Z" };
  const id = github.state.comments.length + 1;
  github.state.comments.push({ id, number, author: bot, body: mark(planMarker("production"), body), ...at });
}

/** Nothing is written, and GitHub has no deployment. Returns what the action says. */
export async function refused({ services, bucket, github }: Deploy, given: Partial<typeof inputs> = {}, sha?: string): Promise<UserError> {
  const writes = bucket.writes();
  const error = await thrownBy(run({ ...inputs, ...given }, services(sha)));
  assert.is(bucket.writes(), writes);
  assert.equal(github.state.deployments, []);
  assert.instance(error, UserError);
  return error as UserError;
}
