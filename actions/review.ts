import { UserError } from "../src/errors.ts";
import type { Forge, PullRequest } from "../src/forge/forge.ts";
import { code } from "../src/plan/markdown.ts";
import type { Plan } from "../src/plan/model.ts";
import { ALLOW_LABEL, allowed, findReviewed, type ReviewedPlan, showedAll } from "./plan-comment.ts";
import type { Services } from "./services.ts";

interface Review {
  readonly environment: string;
  /** A person said so when starting the workflow by hand. */
  readonly allowed: boolean;
  readonly forge: Forge;
  readonly services: Services;
}

/**
 * Compares the plan that is about to be applied with the one that the commit's pull request showed, and says in Markdown what it found.
 * Throws UserError when the plan is destructive and nobody let it through: the reviewed one did not show all that it takes away, or there was no review.
 */
export async function refuseUnreviewed(plan: Plan, { environment, allowed: byHand, forge, services }: Review): Promise<string> {
  const pull = await forge.pullRequestOfCommit(services.run.sha);
  const reviewed = pull === undefined ? undefined : (await findReviewed(forge, pull.number, environment))?.reviewed;
  const words = comparison(plan, pull, reviewed?.plan);
  if (words.differs) services.log.warn(words.text);
  else services.log.info(words.text);
  if (plan.destructive.length === 0 || byHand) return words.markdown;
  const missing = await whatIsMissing(plan, pull, reviewed, forge, environment);
  if (missing === null) return words.markdown;
  const list = plan.destructive.map(({ what, why }) => `${what}: ${why}`).join("\n");
  throw new UserError(`the plan is destructive, and ${missing}\n${list}`, {
    hint: "Nothing was changed. Open a pull request whose comment shows it, or start the deploy workflow by hand with `allow-destructive`.",
  });
}

/** Why the review does not let a destructive plan through; null when it does. Another plan than the reviewed one may take away no more than that. */
async function whatIsMissing(
  plan: Plan,
  pull: PullRequest | undefined,
  reviewed: ReviewedPlan | undefined,
  forge: Forge,
  environment: string,
): Promise<string | null> {
  if (pull === undefined || reviewed === undefined) return "no review showed it";
  if (reviewed.destructive.length === 0) return "the reviewed one was not";
  if (!showedAll(reviewed, plan)) return "it takes away more than the reviewed one";
  const verdict = await allowed(forge, pull, reviewed.plan, environment);
  return verdict === true ? null : `nobody gave \`${ALLOW_LABEL}\` for it. ${verdict}`;
}

function comparison(
  plan: Plan,
  pull: PullRequest | undefined,
  reviewed: string | undefined,
): { differs: boolean; text: string; markdown: string } {
  const say = (differs: boolean, text: string, markdown: string) => ({ differs, text, markdown });
  if (pull === undefined)
    return say(
      false,
      "this commit came without a pull request: nobody saw its plan before",
      "This commit came **without a pull request**: nobody saw its plan before.",
    );
  const where = `#${pull.number}`;
  if (reviewed === undefined)
    return say(
      true,
      `${where} has no comment with a plan: nobody saw it before`,
      `Pull request ${where} **has no comment with a plan**: nobody saw it before.`,
    );
  if (reviewed === plan.id)
    return say(false, `this is the plan that was reviewed in ${where}`, `This is the plan that was reviewed in ${where}.`);
  return say(
    true,
    `this is not the plan that was reviewed in ${where}: plan ${plan.id.slice(0, 12)} is applied, ${reviewed.slice(0, 12)} was reviewed`,
    `**This is not the plan that was reviewed** in ${where}: plan ${code(plan.id.slice(0, 12))} is applied, ${code(reviewed.slice(0, 12))} was reviewed. The base or the deployed release moved in between.`,
  );
}
