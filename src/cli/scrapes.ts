import { resolve } from "node:path";
import type { Command } from "commander";
import { stderrLog } from "../log.ts";
import { writeRelease } from "../release/build-release.ts";
import { hasErrors, renderProject } from "../release/render-project.ts";
import { checkScrapes } from "../scrape/check-scrapes.ts";
import { formatProblems } from "../scrape/format-problems.ts";
import { newScrape } from "./new-scrape.ts";
import { formatOption, printResult } from "./output.ts";
import { findProject } from "./project.ts";
import { testScrapes } from "./test-scrapes.ts";

/** validate, test, render, new: what works on the files alone. */
export function addScrapeCommands(program: Command): void {
  program
    .command("validate")
    .description("check every scrape and show every problem with its line")
    .addOption(formatOption("github"))
    .action(async ({ format }: { format: "text" | "json" | "github" }) => {
      const { scrapes, problems } = await checkScrapes(findProject());
      process.stdout.write(formatProblems(problems, format));
      if (hasErrors(problems)) process.exitCode = 1;
      else stderrLog().info(`${scrapes.length} ${scrapes.length === 1 ? "scrape is" : "scrapes are"} right`);
    });

  program
    .command("test")
    .description("run the scrapes' own tests on a real PostgreSQL")
    .argument("[scrape...]", "names of folders under scrapes/ (default: all)")
    .option("--rows <file>", "write what the tests loaded to this file, for `diff --rows-before` and `--rows-after`")
    .addOption(formatOption())
    .action(async (names: string[], { format, rows }: { format: string; rows?: string }) => {
      const results = await testScrapes(findProject(), names, stderrLog(), rows === undefined ? undefined : resolve(rows));
      const failed = results.filter((result) => !result.ok);
      printResult(format, { results }, `${results.length - failed.length} passed, ${failed.length} failed`);
      if (failed.length > 0) process.exitCode = 1;
    });

  program
    .command("render")
    .description("write the release that the scrapes make to a folder")
    .requiredOption("--out <dir>", "an empty or new folder, or an earlier release's")
    .addOption(formatOption())
    .action(async ({ out, format }: { out: string; format: string }) => {
      const release = await renderProject(findProject());
      await writeRelease(release, resolve(out));
      const dags = Object.keys(release.manifest.dags);
      printResult(
        format,
        { release: release.id, dags, files: release.files.size, out: resolve(out) },
        `release ${release.id}: ${dags.length} DAGs in ${out}`,
      );
    });

  program
    .command("new")
    .description("start a scrape from the template")
    .argument("<name>", "its folder and its DAG id: lower-case letters, digits, underscores")
    .addOption(formatOption())
    .action(async (name: string, { format }: { format: string }) => {
      const root = findProject();
      const files = await newScrape(root, name);
      printResult(format, { name, files }, `${files.map((file) => `made ${file}`).join("\n")}\n${nextSteps(name)}`);
    });
}

function nextSteps(name: string): string {
  return `
It works as it is: scrapes/${name}/local.ts answers in the place of its origin. Next:
  npm start                              the stack on this machine, in another terminal; it deploys what is saved under scrapes/
  ${`npm run dagline -- run ${name}`.padEnd(37)}  run it in that Airflow, and see its rows
  ${`npm run dagline -- test ${name}`.padEnd(37)}  its tests, on a real PostgreSQL
Then make it yours: scrapes/${name}/README.md says how.`;
}
