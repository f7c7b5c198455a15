import { describeError } from "../src/errors.ts";
import type { Forge } from "../src/forge/forge.ts";
import { type ReleaseId, shortId } from "../src/ids.ts";
import { findReviewed, markOutdated, planMarker } from "./plan-comment.ts";
import type { Services } from "./services.ts";

/** What became of the release that plans start from now: it was deployed, or, where nothing is deployed from here, it is what the base branch makes. */
export type Moved = "deployed" | "merged";

/** Marks the comments of open pull requests whose plan starts from another release than `now`, and takes the mark from those that start from it again. A failure is told and does no harm. */
export async function outdateComments(
  forge: Forge,
  environment: string,
  now: ReleaseId,
  { log }: Services,
  moved: Moved = "deployed",
): Promise<void> {
  const what =
    moved === "deployed" ? `Release \`${shortId(now)}\` was deployed since` : `The base branch makes release \`${shortId(now)}\` since`;
  try {
    for (const { number } of await forge.openPullRequests()) {
      const found = await findReviewed(forge, number, environment);
      if (found === undefined) continue;
      const why = found.reviewed.base === now ? null : `${what}: run the preview again to see what would change now.`;
      const body = markOutdated(found, why);
      if (body === found.comment.body) continue;
      await forge.upsertComment(number, planMarker(environment), body);
      log.info(`#${number}: its plan is ${why === null ? "current again" : "marked outdated"}`);
    }
  } catch (error) {
    log.warn(`the comments of open pull requests could not be marked outdated: ${describeError(error)}`);
  }
}
