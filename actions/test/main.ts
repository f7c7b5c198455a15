import { mkdirSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { describeError, UserError } from "../../src/errors.ts";
import { code, codes } from "../../src/plan/markdown.ts";
import { affectedScrapes } from "../../src/scrape/affected.ts";
import { changedPaths, resolveCommit, withScrapesOf } from "../../src/services/git.ts";
import type { InputSpec, InputsOf } from "../inputs.ts";
import { table } from "../markdown.ts";
import type { Services } from "../services.ts";
import { runTests, type TestResult } from "./run-tests.ts";

export const inputs = {
  base: { kind: "text", default: "" },
  all: { kind: "flag", default: "false" },
  folder: { kind: "text", default: "preview" },
  "working-directory": { kind: "text", default: "." },
} as const satisfies InputSpec;

/** GitHub shows this many errors of a step on their lines. */
const SHOWN = 10;

/**
 * Runs the tests of the scrapes that the change affects, on a real PostgreSQL, and with a base also those of the base: what both loaded is
 * written to `folder`, for the preview's rows. The base's results count for nothing else.
 */
export async function run({ base, all, folder }: InputsOf<typeof inputs>, services: Services): Promise<void> {
  const { root, log } = services;
  // A push that makes a branch has zeros for what was there before.
  const from = all || /^0+$/.test(base) ? "" : base || baseOf(services.run.payload);
  const commit = from === "" ? undefined : await known(from, services);
  const paths = commit === undefined ? undefined : await changedPaths(root, commit, "HEAD");
  const names = paths === undefined ? undefined : (await affectedScrapes(root, paths)).filter((name) => !name.startsWith("_"));
  services.output("scrapes", names === undefined ? "all" : names.join(" "));
  if (names?.length === 0) {
    log.info("the change affects no scrape: nothing to test");
    services.summary("### Tests\n\nThe change affects no scrape.");
    return;
  }
  log.info(names === undefined ? "testing all scrapes" : `testing ${names.join(", ")}`);
  const out = resolve(root, folder);
  mkdirSync(out, { recursive: true });
  const results = await runTests(root, root, names ?? [], join(out, "rows-after.json"), services);
  if (commit !== undefined && names !== undefined) await recordBase(commit, names, join(out, "rows-before.json"), services);
  report(results, names, services);
}

/** A commit that a forced push left behind is in no checkout: then all is tested, which is never wrong. */
async function known(name: string, { root, log }: Services): Promise<string | undefined> {
  try {
    return await resolveCommit(root, name);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    log.warn(`${error.message}: all scrapes are tested`);
    return undefined;
  }
}

async function recordBase(commit: string, names: readonly string[], rows: string, services: Services): Promise<void> {
  services.log.info("what the base's tests load, for comparison:");
  try {
    await withScrapesOf(services.root, commit, async (folder) => {
      const there = new Set(readdirSync(join(folder, "scrapes")));
      const both = names.filter((name) => there.has(name));
      if (both.length > 0) await runTests(services.root, folder, both, rows, services);
    });
  } catch (error) {
    if (services.signal.aborted) throw error;
    services.log.warn(`the rows of the base are not known: ${describeError(error)}`);
  }
}

function report(results: readonly TestResult[], names: readonly string[] | undefined, services: Services): void {
  const rows = results.map(({ file, ok, passed, failures, seconds }) => [
    ok ? "✓" : "✗",
    code(file),
    String(passed),
    String(failures.length),
    seconds.toFixed(1),
  ]);
  const scope = names === undefined ? "All scrapes." : `The scrapes that the change affects: ${codes(names, 20)}.`;
  services.summary(`### Tests\n\n${scope}\n\n${table(["", "file", "passed", "failed", "seconds"], rows)}`);
  const failures = results.flatMap(({ file, failures }) => failures.map((failure) => ({ file, ...failure })));
  for (const { file, title, message, line, column } of failures.slice(0, SHOWN)) {
    services.annotate({ severity: "error", title, message, file, line, column });
  }
  services.output("failed", failures.length);
  if (failures.length === 0) return;
  throw new UserError(`${failures.length} of the scrapes' tests failed`, {
    hint: `Each is shown on its line${failures.length > SHOWN ? `, the first ${SHOWN} of them` : ""}; \`npm run dagline -- test\` runs them on your machine.`,
  });
}

function baseOf(payload: Readonly<Record<string, unknown>>): string {
  const pull = payload.pull_request as { base?: { sha?: unknown } } | undefined;
  return typeof pull?.base?.sha === "string" ? pull.base.sha : "";
}
