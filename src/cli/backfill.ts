import { type Command, Option } from "commander";
import { progressTable } from "../backfill/progress-table.ts";
import { backfillDefaults, everyChoices, parseBackfillRequest, reprocessBehaviours } from "../backfill/request.ts";
import { runBackfill } from "../backfill/run-backfill.ts";
import { planText, resultText } from "../backfill/table.ts";
import { exitCode } from "../errors.ts";
import { stderrLog } from "../log.ts";
import { interrupted } from "./interrupted.ts";
import { formatOption, printResult } from "./output.ts";
import { addTarget, type HostOptions, hostOf } from "./target.ts";

interface Options extends HostOptions {
  readonly from: string;
  readonly to: string;
  readonly start: boolean;
  readonly reprocess: string;
  readonly maxActiveRuns: string;
  readonly maxRuns: string;
  readonly newestFirst: boolean;
  readonly overwriteNewer: boolean;
  readonly params: string;
  readonly every?: string;
  readonly format: string;
}

/** backfill: the runs of a range of the past. */
export function addBackfillCommand(program: Command): void {
  addTarget(program.command("backfill"), "host")
    .description("show the runs of a range that would be created; with --start, create them and watch until they have ended")
    .argument("<dag>", "a DAG of the deployed release")
    .requiredOption("--from <date>", "the first month (2023-01), day (2023-01-15) or time of the range, in the DAG's time zone")
    .requiredOption("--to <date>", "the last one, itself included")
    .option("--start", "start it (default: only show what it would do)", false)
    .addOption(new Option("--reprocess <runs>", "which runs that exist are run again").choices(reprocessBehaviours).default("none"))
    .option("--max-active-runs <number>", "how many of its runs may be active at a time", backfillDefaults.max_active_runs)
    .option("--max-runs <number>", "refuse a range of more runs than these", backfillDefaults.max_runs)
    .option("--newest-first", "begin with the end of the range", false)
    .option("--overwrite-newer", "let these runs overwrite rows of newer runs, under mode replace and upsert", false)
    .option("--params <json>", "the runs' params, as a JSON object", backfillDefaults.params)
    .addOption(new Option("--every <period>", "for a DAG without a schedule: one run for each").choices(everyChoices))
    .addOption(formatOption())
    .action(async (dag: string, options: Options) => {
      const { from, to, every, reprocess, params } = options;
      const request = parseBackfillRequest({
        dag,
        from,
        to,
        every,
        reprocess,
        params,
        max_active_runs: options.maxActiveRuns,
        max_runs: options.maxRuns,
        newest_first: String(options.newestFirst),
        overwrite_newer: String(options.overwriteNewer),
      });
      const log = stderrLog();
      const table = progressTable(() => new Date());
      const result = await runBackfill(await hostOf(options), request, {
        start: options.start,
        log,
        signal: interrupted(),
        onPlan: (plan) => {
          if (options.start) log.info(planText(plan));
        },
        onProgress: (progress) => {
          for (const line of table(progress)) log.info(line);
        },
      });
      printResult(options.format, result, resultText(result));
      if (["failed", "halted", "cancelled"].includes(result.outcome)) process.exitCode = exitCode.userError;
    });
}
