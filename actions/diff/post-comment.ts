import { resolve } from "node:path";
import { UserError } from "../../src/errors.ts";
import { planMarkdown } from "../../src/plan/report.ts";
import { commentBody, findReviewed, planMarker, reviewedOf } from "../plan-comment.ts";
import { readPreview } from "../preview-file.ts";
import type { Services } from "../services.ts";
import type { DiffInputs } from "./main.ts";
import { words } from "./prepare-plan.ts";

/** Posts a preview to its pull request: one comment, edited in place. What is beyond a comment's length goes to the summary. */
export async function postComment(given: DiffInputs, services: Services): Promise<void> {
  const { log, run } = services;
  const preview = readPreview(resolve(services.root, given.folder));
  if (preview.environment !== given.environment)
    throw new UserError("the preview is of another environment than this workflow comments on");
  // The preview says which pull request it is of, but the event, which its author can't write, says which commit ran.
  const ran = headOfRun(run.payload);
  if (preview.commit !== ran)
    throw new UserError(
      `the preview is of commit ${preview.commit.slice(0, 12)}, and the run that made it ran ${ran?.slice(0, 12) ?? "none"}`,
    );
  const forge = services.forge();
  const pull = await forge.pullRequest(preview.pull);
  if (pull.head.sha !== preview.commit) {
    log.info(`#${pull.number} has a newer commit: its own preview comments`);
    services.output("outcome", "superseded");
    return;
  }
  const shown = await findReviewed(forge, pull.number, given.environment);
  const { body, rest } = planMarkdown(preview.plan, { limit: 55_000 });
  const heading = `## What merging this changes\n\n${words[preview.basis]} [The run](${pageOf(run.payload) ?? run.url}) has all of it.`;
  const text = (posted: string | null): string => commentBody(reviewedOf(preview.plan, preview.commit, posted), `${heading}\n\n${body}`);
  // Edited, the comment of the same plan says when it was shown first; GitHub's time of it is then that of the edit.
  const posted = shown?.reviewed.plan === preview.plan.id && shown.comment.body !== text(null) ? shown.reviewed.posted : null;
  const { url, outcome } = await forge.upsertComment(pull.number, planMarker(given.environment), text(posted));
  log.info(`#${pull.number}: the comment is ${outcome}, ${url}`);
  if (rest !== null) services.summary(`## Left out of the comment\n\n${rest}`);
  services.output("outcome", outcome);
  services.output("url", url);
}

interface RunPayload {
  readonly workflow_run?: { readonly head_sha?: unknown; readonly html_url?: unknown };
}

function headOfRun(payload: RunPayload): string | undefined {
  const sha = payload.workflow_run?.head_sha;
  return typeof sha === "string" ? sha : undefined;
}

function pageOf(payload: RunPayload): string | undefined {
  const url = payload.workflow_run?.html_url;
  return typeof url === "string" && /^https?:\/\/[\w./:-]+$/.test(url) ? url : undefined;
}
