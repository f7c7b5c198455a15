import { readFileSync } from "node:fs";
import { readPointer } from "../../src/deploy/read-bucket.ts";
import { sync } from "../../src/deploy/sync.ts";
import { UserError } from "../../src/errors.ts";
import { shortId } from "../../src/ids.ts";
import { contentsOfRelease } from "../../src/plan/contents.ts";
import { code } from "../../src/plan/markdown.ts";
import type { InfraChanges } from "../../src/plan/model.ts";
import { planMarkdown } from "../../src/plan/report.ts";
import { renderProject } from "../../src/release/render-project.ts";
import { failingDeployment, openDeployment } from "../deployment.ts";
import type { InputSpec, InputsOf } from "../inputs.ts";
import { outdateComments } from "../outdate.ts";
import { planAgainstDeployed } from "../plan.ts";
import { refuseUnreviewed } from "../review.ts";
import type { Services } from "../services.ts";

export const inputs = {
  environment: { kind: "text", default: "production" },
  "allow-destructive": { kind: "flag", default: "false" },
  infra: { kind: "text", default: "" },
  "github-token": { kind: "text", default: "" },
  "comment-author": { kind: "text", default: "" },
  "working-directory": { kind: "text", default: "." },
} as const satisfies InputSpec;

/** Puts the release that this commit renders into the bucket, if the commit is not older than the deployed one and its plan was reviewed. */
export async function run(given: InputsOf<typeof inputs>, services: Services): Promise<void> {
  const { log, now } = services;
  const forge = services.forge();
  const store = await services.bucket(given.environment);
  const release = await renderProject(services.root, log);
  const deployed = await readPointer(store);
  await refuseOlder(deployed?.pointer.commit ?? null, services);
  const plan = await planAgainstDeployed(
    contentsOfRelease(release, services.run.sha),
    store,
    given.environment,
    services,
    readApplied(given.infra),
  );
  const review = await refuseUnreviewed(plan, { environment: given.environment, allowed: given["allow-destructive"], forge, services });
  services.summary(`### Deploys to ${code(given.environment)}\n\n${review}\n\n${planMarkdown(plan, { limit: 200_000 }).body}`);
  if (plan.nothing) log.info(`release ${shortId(release.id)} is deployed already: nothing to sync`);

  const deployment = await openDeployment(forge, services, {
    environment: given.environment,
    release: release.id,
    plan: plan.id,
    commit: services.run.sha,
  });
  services.output("deployment", deployment);
  await failingDeployment(forge, deployment, services, async () => {
    services.signal.throwIfAborted();
    const result = await sync(release, store, { commit: services.run.sha, now: now(), log, expected: plan.base?.release ?? null });
    log.info(
      result.changed
        ? `release ${shortId(result.release)}: ${result.uploaded} files, ${result.bytes} bytes sent`
        : "the pointer is right already",
    );
    services.output("release", result.release);
    services.output("changed", result.changed);
    services.output("plan", plan.id);
    if (result.changed) await outdateComments(forge, given.environment, release.id, services);
  });
}

/** What `apply` has done before is part of the plan that was reviewed. */
function readApplied(file: string): InfraChanges | undefined {
  return file === "" ? undefined : (JSON.parse(readFileSync(file, "utf8")) as InfraChanges);
}

/** A job that was run again, or that waited, must not take back what came after it. */
async function refuseOlder(deployed: string | null, services: Services): Promise<void> {
  const { sha } = services.run;
  if (deployed === null || deployed === sha) return;
  const forge = services.forge();
  if (await forge.isAncestor(sha, deployed)) {
    throw new UserError(`commit ${sha.slice(0, 12)} is older than the deployed one, ${deployed.slice(0, 12)}`, {
      hint: "Nothing was changed. To go back, use the rollback workflow or revert on main.",
    });
  }
  if (!(await forge.isAncestor(deployed, sha))) {
    services.log.warn(`the deployed commit ${deployed.slice(0, 12)} is not in the history of ${sha.slice(0, 12)}: was main rewritten?`);
  }
}
