import type { Command } from "commander";
import { dagsText } from "../deploy/dags-text.ts";
import { findDrift } from "../deploy/drift.ts";
import { hostStatus, reload } from "../deploy/reload.ts";
import { repair } from "../deploy/repair.ts";
import { rollback } from "../deploy/rollback.ts";
import { sync } from "../deploy/sync.ts";
import { shortId } from "../ids.ts";
import { stderrLog } from "../log.ts";
import { renderProject } from "../release/render-project.ts";
import { currentCommit } from "../services/git.ts";
import { interrupted } from "./interrupted.ts";
import { formatOption, printResult } from "./output.ts";
import { findProject } from "./project.ts";
import { addTarget, bucketOf, hostOf, type TargetOptions } from "./target.ts";

type Options = TargetOptions & { format: string };

/** sync, reload, rollback, drift: what speaks to a bucket and a host. */
export function addDeployCommands(program: Command): void {
  target(program.command("sync"))
    .description("put the release that the scrapes make into the bucket and move the pointer to it")
    .option("--repair", "first write anew what of the release is missing from the bucket or damaged there", false)
    .action(async (options: Options & { repair: boolean }) => {
      const root = findProject();
      const log = stderrLog();
      const [release, store] = [await renderProject(root, log), await bucketOf(options)];
      if (options.repair) log.info(`${await repair(release, store, log)} objects repaired`);
      const result = await sync(release, store, {
        commit: currentCommit(root),
        now: new Date(),
        log,
      });
      const text = result.changed
        ? `release ${shortId(result.release)} is deployed: ${result.uploaded} files, ${result.bytes} bytes sent`
        : `release ${shortId(result.release)} is deployed already`;
      printResult(options.format, result, text);
    });

  target(program.command("reload"))
    .description("have the host switch to what the pointer names, and prove that Airflow serves it")
    .action(async (options: Options) => {
      const proof = await reload(await hostOf(options), {
        release: "current",
        timeoutSeconds: 900,
        signal: interrupted(),
        log: stderrLog(),
      });
      printResult(
        options.format,
        proof,
        `the host serves release ${shortId(proof.release)}: ${proof.dags} DAGs${proof.changed ? "" : ", as before"}${dagsText(proof)}`,
      );
    });

  target(program.command("rollback"))
    .description("move the pointer back to the release before, or to a named one, and reload")
    .option("--to <release>", "the release's id, at least its first six digits")
    .action(async (options: Options & { to?: string }) => {
      const moved = await rollback(await bucketOf(options), { to: options.to, now: new Date() });
      const proof = await reload(await hostOf(options), {
        release: moved.release,
        timeoutSeconds: 900,
        signal: interrupted(),
        log: stderrLog(),
      });
      printResult(
        options.format,
        { ...moved, proof },
        moved.changed
          ? `rolled back from release ${shortId(moved.previous)} to ${shortId(moved.release)}; the host serves it${dagsText(proof)}`
          : `release ${shortId(moved.release)} is deployed already; the host serves it${dagsText(proof)}`,
      );
    });

  target(program.command("drift"))
    .description("compare the bucket, the host and this checkout; exit code 1 when they differ")
    .action(async (options: Options) => {
      const release = await renderProject(findProject());
      const status = await hostStatus(await hostOf(options), { timeoutSeconds: 60, signal: interrupted() });
      const drift = await findDrift(await bucketOf(options), status, release.id);
      printResult(
        options.format,
        { drift, paused: status.paused },
        drift.length === 0
          ? `bucket, host and checkout agree${dagsText(status)}`
          : drift.map(({ where, message }) => `${where}: ${message}`).join("\n"),
      );
      if (drift.length > 0) process.exitCode = 1;
    });
}

function target(command: Command): Command {
  return addTarget(command, "bucket", "host").addOption(formatOption());
}
