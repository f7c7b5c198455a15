import { UserError } from "../errors.ts";
import { type Log, stderrLog } from "../log.ts";
import { checkScrapes } from "../scrape/check-scrapes.ts";
import { formatProblems } from "../scrape/format-problems.ts";
import type { Problem } from "../scrape/model.ts";
import type { Folder } from "../scrape/read-folder.ts";
import { type AheadOfCheck, buildRelease, bundleAheadOfCheck, type Release } from "./build-release.ts";

/** Checks all scrapes and renders them; when a problem is an error, throws with all of them. */
export async function renderProject(root: string, log: Log = stderrLog()): Promise<Release> {
  let ahead: AheadOfCheck | undefined;
  const onListed = (folders: readonly Folder[]) => {
    ahead = bundleAheadOfCheck(folders, root);
  };
  const { scrapes, problems } = await checkScrapes(root, { onListed });
  if (hasErrors(problems)) {
    throw new UserError(`the scrapes have problems\n${formatProblems(problems, "text")}`, {
      hint: "Mend them; `dagline validate` shows them again.",
    });
  }
  if (problems.length > 0) log.warn(formatProblems(problems, "text").trimEnd());
  return buildRelease(scrapes, { root, ahead });
}

export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some((problem) => problem.severity === "error");
}
