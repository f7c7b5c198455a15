import { Command, CommanderError } from "commander";
import { outliveReaders } from "../closed-pipe.ts";
import { describeError, exitCode, exitCodeOf } from "../errors.ts";
import { addAdoptCommand } from "./adopt.ts";
import { addApplyCommand } from "./apply.ts";
import { addBackfillCommand } from "./backfill.ts";
import { addDeployCommands } from "./deploy.ts";
import { addDiffCommand } from "./diff.ts";
import { addLocalCommands } from "./local.ts";
import { addScrapeCommands } from "./scrapes.ts";

outliveReaders();

const program = new Command("dagline")
  .description("Scrapes in Git become pinned releases that Airflow runs.")
  .version("0.1.0")
  .showHelpAfterError("(add --help for the options)")
  .showSuggestionAfterError()
  .exitOverride()
  .addHelpText(
    "after",
    "\nResults go to stdout, progress to stderr. Exit codes: 0 done, 1 yours to fix, 2 wrong usage, 3 try again, 70 a bug.",
  );

addScrapeCommands(program);
addAdoptCommand(program);
addDiffCommand(program);
addDeployCommands(program);
addApplyCommand(program);
addBackfillCommand(program);
addLocalCommands(program);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? exitCode.done : exitCode.wrongUsage;
  } else {
    process.stderr.write(`dagline: ${describeError(error)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}
