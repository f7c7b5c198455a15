import { describeError } from "../src/errors.ts";
import type { Forge } from "../src/forge/forge.ts";
import { type ReleaseId, shortId } from "../src/ids.ts";
import { findReviewed, markOutdated, planMarker } from "./plan-comment.ts";
import type { Services } from "./services.ts";

/** Marks the comments of open pull requests whose plan starts from another release than the one that is deployed now. A failure is told and does no harm. */
export async function outdateComments(forge: Forge, environment: string, deployed: ReleaseId, { log }: Services): Promise<void> {
  try {
    for (const { number } of await forge.openPullRequests()) {
      const found = await findReviewed(forge, number, environment);
      if (found === undefined || found.reviewed.base === deployed) continue;
      const why = `Release \`${shortId(deployed)}\` was deployed since: run the preview again to see what would change now.`;
      const { outcome } = await forge.upsertComment(number, planMarker(environment), markOutdated(found.comment.body, why));
      if (outcome === "updated") log.info(`#${number}: its plan is marked outdated`);
    }
  } catch (error) {
    log.warn(`the comments of open pull requests could not be marked outdated: ${describeError(error)}`);
  }
}
