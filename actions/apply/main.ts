import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deployedContents } from "../../src/deploy/deployed-contents.ts";
import { UserError } from "../../src/errors.ts";
import { type Applied, applyInfra } from "../../src/infra/apply-infra.ts";
import type { StackState } from "../../src/infra/cloudformation.ts";
import type { ProjectPlan } from "../../src/infra/plan-project.ts";
import { appliedBefore, noChanges } from "../../src/infra/record.ts";
import { refuseImpossible } from "../../src/infra/refusals.ts";
import { infraText } from "../../src/infra/report.ts";
import { waitUntilReady } from "../../src/infra/stack-state.ts";
import { contentsOfRelease, type ReleaseContents } from "../../src/plan/contents.ts";
import { makePlan } from "../../src/plan/make-plan.ts";
import { code, fenced } from "../../src/plan/markdown.ts";
import type { InfraChanges } from "../../src/plan/model.ts";
import { renderProject } from "../../src/release/render-project.ts";
import { connectInfra, type Infra, noteApplied, planStacks } from "../infra.ts";
import type { InputSpec, InputsOf } from "../inputs.ts";
import { refuseUnreviewed } from "../review.ts";
import type { Services } from "../services.ts";

export const inputs = {
  mode: { kind: "choice", choices: ["apply", "look"], default: "apply" },
  environment: { kind: "text", default: "production" },
  "allow-destructive": { kind: "flag", default: "false" },
  "timeout-minutes": { kind: "text", default: "170", pattern: /^[1-9]\d{0,3}$/, takes: "a whole number of minutes" },
  "github-token": { kind: "text", default: "" },
  "comment-author": { kind: "text", default: "" },
  "working-directory": { kind: "text", default: "." },
} as const satisfies InputSpec;

type Given = InputsOf<typeof inputs>;

/**
 * `look` only says whether CDK is needed: whether infra/ or a stack has changed since the last apply.
 * `apply` brings the cloud's resources to what infra/ says, if the plan that they are part of was reviewed.
 */
export async function run(given: Given, services: Services): Promise<void> {
  const infra = await connectInfra(given.environment, services);
  await applyWith(infra, given, services);
}

/** As `run`, with the cloud given: tests pass their own. */
export async function applyWith(infra: Infra, given: Given, services: Services): Promise<void> {
  const { environment } = given;
  const before = await appliedBefore(infra.record, infra.source, infra.cloud);
  services.output("needed", before === undefined);
  if (before !== undefined) {
    services.log.info("infra/ is as it was applied last, and nobody has changed a stack since: nothing to do");
    return finish({ changed: [], states: before, planned: noChanges }, services);
  }
  if (given.mode === "look") return services.log.info("infra/ is not known to be as it was applied last: CDK has to compare");
  const plan = await planStacks(infra, environment, services);
  try {
    services.log.info(infraText(plan.changes));
    await waitUntilReady(
      plan.stacks.map(({ state }) => state),
      infra.cloud,
      services,
    );
    refuseImpossible(plan.changes);
    await review(plan, given, services);
    const applied = await apply(infra, plan, given, services);
    await noteApplied(infra, [...applied.stacks, ...plan.left], environment, services);
    finish({ changed: applied.changed, states: applied.stacks, planned: plan.changes }, services);
  } finally {
    plan.dispose();
  }
}

/** The label that lets tables go lets databases go, too: it is one plan. */
async function review(plan: ProjectPlan, given: Given, services: Services): Promise<void> {
  const { environment } = given;
  const next = contentsOfRelease(await renderProject(services.root, services.log), services.run.sha);
  const whole = makePlan(await baseOf(next, environment, services), next, { now: services.now(), infra: plan.changes });
  // What the release would lose is for `sync` to stop.
  const ofInfra = { ...whole, destructive: whole.destructive.filter(({ resource }) => resource !== null) };
  const words = await refuseUnreviewed(ofInfra, { environment, allowed: given["allow-destructive"], forge: services.forge(), services });
  services.summary(`### Cloud resources of ${code(environment)}\n\n${words}\n\n${fenced(infraText(plan.changes), "text")}`);
}

/** Before the first apply there is no bucket, and nothing is deployed. */
async function baseOf(next: ReleaseContents, environment: string, services: Services): Promise<ReleaseContents | null> {
  try {
    return await deployedContents(await services.bucket(environment), next, services.log);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    services.log.info(`no release is deployed as far as can be seen: ${error.message}`);
    return null;
  }
}

function apply(infra: Infra, plan: ProjectPlan & { assembly: string }, given: Given, services: Services): Promise<Applied> {
  return applyInfra(plan.stacks, infra.cloud, infra.cdk, {
    assembly: plan.assembly,
    planned: plan.changes,
    allowDestructive: given["allow-destructive"],
    limitMinutes: Number(given["timeout-minutes"]),
    signal: services.signal,
    log: services.log,
  });
}

function finish(
  {
    changed,
    states,
    planned,
  }: { readonly changed: readonly string[]; readonly states: readonly StackState[]; readonly planned: InfraChanges },
  services: Services,
): void {
  const file = join(mkdtempSync(join(process.env.RUNNER_TEMP ?? tmpdir(), "dagline-infra-")), "infra.json");
  writeFileSync(file, `${JSON.stringify(planned)}\n`);
  services.output("changed", changed.join(","));
  services.output("outputs", JSON.stringify(Object.fromEntries(states.map(({ name, outputs }) => [name, outputs]))));
  services.output("infra", file);
}
