import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { UserError } from "../errors.ts";
import { applyInfra } from "../infra/apply-infra.ts";
import { planProject } from "../infra/plan-project.ts";
import { infraText } from "../infra/report.ts";
import { refuseUnready } from "../infra/stack-state.ts";
import { stderrLog } from "../log.ts";
import { CdkCli, refuseWithoutCdk } from "../services/cdk.ts";
import { CloudFormationStacks } from "../services/cloudformation.ts";
import { readReplacementRules } from "../services/cloudformation-spec.ts";
import { currentCommit } from "../services/git.ts";
import { interrupted } from "./interrupted.ts";
import { formatOption, printResult } from "./output.ts";
import { findProject } from "./project.ts";

interface Options {
  readonly plan: boolean;
  readonly allowDestructive: boolean;
  readonly environment: string;
  readonly region: string;
  readonly format: string;
}

/** apply: brings the cloud's resources to what infra/ says. */
export function addApplyCommand(program: Command): void {
  program
    .command("apply")
    .description("bring the cloud's resources to what infra/ says, stack by stack")
    .option("--plan", "only say what would change", false)
    .option("--allow-destructive", "also when data is deleted or replaced", false)
    .option("--environment <name>", "which one of infra/config.ts", "production")
    .addOption(new Option("--region <region>", "the AWS region").env("AWS_REGION").default("eu-west-2"))
    .addOption(formatOption())
    .action(apply);
}

async function apply({ plan: planOnly, allowDestructive, environment, region, format }: Options): Promise<void> {
  const [root, log, signal] = [findProject(), stderrLog(), interrupted()];
  refuseWithoutCdk(root);
  const out = mkdtempSync(join(tmpdir(), "dagline-assembly-"));
  try {
    const cloud = new CloudFormationStacks({ region });
    const cdk = new CdkCli(root);
    const commit = currentCommit(root);
    const read = (file: string): string => readFileSync(join(out, file), "utf8");
    const context = { environment, ...(commit === null ? {} : { commit }) };
    const plan = await planProject({ cdk, rule: readReplacementRules(root), out, read, context }, cloud);
    if (planOnly) return printResult(format, plan.changes, infraText(plan.changes));
    log.info(infraText(plan.changes));
    for (const { state } of plan.stacks) refuseUnready(state, region);
    if (plan.changes.destructive.length > 0 && !allowDestructive) {
      const list = plan.changes.destructive.map(({ resource, why }) => `${resource}: ${why}`).join("\n");
      throw new UserError(`this would lose data\n${list}`, { hint: "Nothing was changed. --allow-destructive does it." });
    }
    const applied = await applyInfra(plan.stacks, cloud, cdk, {
      assembly: out,
      planned: plan.changes,
      allowDestructive,
      name,
      signal,
      log,
    });
    const text = applied.changed.length === 0 ? "every stack was right already" : `changed: ${applied.changed.join(", ")}`;
    printResult(format, { changed: applied.changed, outputs: applied.outputs, plan: plan.changes }, text);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}
