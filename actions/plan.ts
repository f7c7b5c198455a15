import { deployedContents } from "../src/deploy/deployed-contents.ts";
import type { ObjectStore } from "../src/deploy/object-store.ts";
import { contentsOfRelease } from "../src/plan/contents.ts";
import { makePlan } from "../src/plan/make-plan.ts";
import type { Plan } from "../src/plan/model.ts";
import type { Release } from "../src/release/build-release.ts";
import type { Services } from "./services.ts";

/** What deploying the release would change in what the bucket's pointer names. */
export async function planAgainstBucket(release: Release, store: ObjectStore, { run, now, log }: Services): Promise<Plan> {
  const next = contentsOfRelease(release, run.sha);
  return makePlan(await deployedContents(store, next, log), next, { now: now() });
}
