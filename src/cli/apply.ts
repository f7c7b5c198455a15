import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { UserError } from "../errors.ts";
import { applyInfra } from "../infra/apply-infra.ts";
import type { StackState } from "../infra/cloudformation.ts";
import { planProject } from "../infra/plan-project.ts";
import { appliedBefore, keepRecord, makeRecord, noChanges, readRecord } from "../infra/record.ts";
import { refuseImpossible } from "../infra/refusals.ts";
import { infraText } from "../infra/report.ts";
import { waitUntilReady } from "../infra/stack-state.ts";
import { stderrLog } from "../log.ts";
import type { InfraChanges } from "../plan/model.ts";
import { CdkCli, refuseWithoutCdk } from "../services/cdk.ts";
import { readReplacementRules } from "../services/cloudformation-spec.ts";
import { currentCommit, infraSource } from "../services/git.ts";
import { interrupted } from "./interrupted.ts";
import { formatOption, printResult } from "./output.ts";
import { findProject } from "./project.ts";
import { addTarget, bucketOf, type TargetOptions } from "./target.ts";

interface Options extends TargetOptions {
  readonly plan: boolean;
  readonly allowDestructive: boolean;
  readonly environment: string;
  readonly format: string;
}

/** apply: brings the cloud's resources to what infra/ says. */
export function addApplyCommand(program: Command): void {
  addTarget(program.command("apply"), "bucket")
    .description(
      "bring the cloud's resources to what infra/ says, stack by stack; with --stacks or --bucket in a second when nothing has changed",
    )
    .option("--plan", "only say what would change", false)
    .option("--allow-destructive", "also when data is deleted or replaced", false)
    .option("--environment <name>", "which one of infra/config.ts", "production")
    .addOption(formatOption())
    .action(apply);
}

async function apply(options: Options): Promise<void> {
  const { plan: planOnly, allowDestructive, environment, region, format } = options;
  const [root, log, signal] = [findProject(), stderrLog(), interrupted()];
  refuseWithoutCdk(root);
  const { CloudFormationStacks } = await import("../services/cloudformation.ts");
  const [cloud, cdk, source] = [new CloudFormationStacks({ region }), new CdkCli(root), await infraSource(root, environment)];
  const named = options.stacks !== undefined || options.bucket !== undefined;
  const record = named ? await readRecord(() => bucketOf(options), log) : undefined;
  const before = await appliedBefore(record, source, cloud);
  if (before !== undefined) return printApplied(format, planOnly, { changed: [], states: before, changes: noChanges });
  const out = mkdtempSync(join(tmpdir(), "dagline-assembly-"));
  try {
    const commit = currentCommit(root);
    const read = (file: string): string => readFileSync(join(out, file), "utf8");
    const context = { environment, ...(commit === null ? {} : { commit }) };
    const noted = record?.stacks.map(({ name }) => name) ?? [];
    const plan = await planProject({ cdk, rule: readReplacementRules(root), out, read, context, noted }, cloud);
    const { changes } = plan;
    if (planOnly) return printApplied(format, planOnly, { changed: [], states: [], changes });
    log.info(infraText(changes));
    await waitUntilReady(
      plan.stacks.map(({ state }) => state),
      cloud,
      { log, signal },
    );
    refuseImpossible(changes);
    if (changes.destructive.length > 0 && !allowDestructive) {
      const list = changes.destructive.map(({ resource, why }) => `${resource}: ${why}`).join("\n");
      throw new UserError(`this would lose data\n${list}`, { hint: "Nothing was changed. --allow-destructive does it." });
    }
    const applied = await applyInfra(plan.stacks, cloud, cdk, { assembly: out, planned: changes, allowDestructive, signal, log });
    const states = [...applied.stacks, ...plan.left];
    if (named && source !== null) await keepRecord(makeRecord(source, states), () => bucketOf(options), log);
    printApplied(format, planOnly, { changed: applied.changed, states: applied.stacks, changes });
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

interface Outcome {
  readonly changed: readonly string[];
  readonly states: readonly StackState[];
  readonly changes: InfraChanges;
}

function printApplied(format: string, planOnly: boolean, { changed, states, changes }: Outcome): void {
  const outputs = Object.fromEntries(states.map(({ name, outputs }) => [name, outputs]));
  const text = changed.length === 0 ? "every stack was right already" : `changed: ${changed.join(", ")}`;
  if (planOnly) printResult(format, changes, infraText(changes));
  else printResult(format, { changed, outputs, plan: changes }, text);
}
