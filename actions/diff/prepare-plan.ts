import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { UserError } from "../../src/errors.ts";
import { refuseImpossible } from "../../src/infra/refusals.ts";
import { contentsOfRelease, type ReleaseContents } from "../../src/plan/contents.ts";
import { makePlan } from "../../src/plan/make-plan.ts";
import { code } from "../../src/plan/markdown.ts";
import type { Plan } from "../../src/plan/model.ts";
import { planMarkdown, planText } from "../../src/plan/report.ts";
import { renderProject } from "../../src/release/render-project.ts";
import { resolveCommit, withScrapesOf } from "../../src/services/git.ts";
import { readInfra } from "../infra.ts";
import { planAgainstDeployed } from "../plan.ts";
import { allowed } from "../plan-comment.ts";
import { type Basis, writePreview } from "../preview-file.ts";
import type { Services } from "../services.ts";
import type { DiffInputs } from "./main.ts";

/** Computes the plan of the checked out commit, and writes it to the folder that the comment workflow gets. */
export async function preparePlan(given: DiffInputs, services: Services): Promise<void> {
  const { root, log, run, now } = services;
  const pull = pullRequestOf(run.payload);
  const basis = given.base === "auto" ? (services.hasCloud() ? "deployed" : pull === undefined ? "none" : "branch") : given.base;
  log.info(words[basis]);
  const next = contentsOfRelease(await renderProject(root, log), pull?.head ?? run.sha);
  const infra = given.infra && basis === "deployed" ? await readInfra(given.environment, services) : undefined;
  const known = infra === undefined || "notLookedAt" in infra ? undefined : infra;
  const plan =
    basis === "deployed"
      ? await planAgainstDeployed(next, await services.bucket(given.environment), given.environment, services, known)
      : makePlan(basis === "branch" ? await baseBranch(pull?.base, services) : null, next, { now: now() });
  const folder = resolve(root, given.folder);
  mkdirSync(folder, { recursive: true });
  const unknown =
    infra !== undefined && "notLookedAt" in infra ? `\n\nCloud resources were not looked at: ${code(infra.notLookedAt, 300)}` : "";
  const report = `${words[basis]}${unknown}\n\n${planMarkdown(plan, { limit: Number.POSITIVE_INFINITY }).body}`;
  writeFileSync(join(folder, "plan.md"), report);
  if (pull !== undefined) writePreview(folder, { pull: pull.number, commit: pull.head, environment: given.environment, basis, plan });
  log.info(planText(plan));
  services.summary(report);
  services.output("plan", plan.id);
  services.output("release", next.id);
  services.output("nothing", plan.nothing);
  services.output("destructive", plan.destructive.length);
  services.output("basis", basis);
  if (plan.infra !== null) refuseImpossible(plan.infra);
  if (plan.destructive.length > 0) await refuseDestructive(plan, given.environment, pull?.number, services);
}

/** As the log, the summary and the comment say it. */
export const words: Readonly<Record<Basis, string>> = {
  deployed: "Compared with what is deployed.",
  branch: "Compared with the base branch: this run has no credentials for the cloud, so what is deployed was not looked at.",
  none: "Compared with nothing: everything is new.",
};

async function baseBranch(base: string | undefined, { root, log }: Services): Promise<ReleaseContents> {
  if (base === undefined) {
    throw new UserError("`base: branch` compares with a pull request's base, and this run has no pull request", {
      hint: "Run it on pull_request, or give `base: deployed`.",
    });
  }
  const commit = await resolveCommit(root, base);
  return withScrapesOf(root, commit, async (folder) => contentsOfRelease(await renderProject(folder, log), commit));
}

async function refuseDestructive(plan: Plan, environment: string, number: number | undefined, services: Services): Promise<void> {
  const list = plan.destructive.map(({ what, why }) => `${what}: ${why}`).join("\n");
  if (number === undefined) return services.log.warn(`the plan is destructive\n${list}`);
  const forge = services.forge();
  const verdict = await allowed(forge, await forge.pullRequest(number), plan.id, environment);
  if (verdict !== true) throw new UserError(`the plan is destructive\n${list}`, { hint: verdict });
  services.log.warn(`the plan is destructive, and allowed by its label\n${list}`);
}

interface PullRequestEvent {
  readonly number: number;
  readonly head: string;
  readonly base: string;
}

/** The pull request that the workflow runs for; undefined for other events. */
function pullRequestOf(payload: Readonly<Record<string, unknown>>): PullRequestEvent | undefined {
  const pull = payload.pull_request as { number?: unknown; head?: { sha?: unknown }; base?: { sha?: unknown } } | undefined;
  if (typeof pull?.number !== "number" || typeof pull.head?.sha !== "string" || typeof pull.base?.sha !== "string") return undefined;
  return { number: pull.number, head: pull.head.sha, base: pull.base.sha };
}
