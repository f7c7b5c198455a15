import { renderProject } from "../../src/release/render-project.ts";
import type { InputSpec, InputsOf } from "../inputs.ts";
import { outdateComments } from "../outdate.ts";
import type { Services } from "../services.ts";
import { postComment } from "./post-comment.ts";
import { preparePlan } from "./prepare-plan.ts";

export const inputs = {
  mode: { kind: "choice", choices: ["plan", "comment", "outdate"], default: "plan" },
  environment: {
    kind: "text",
    default: "production",
    pattern: /^[A-Za-z0-9_.-]{1,100}$/,
    takes: "at most 100 letters, digits, `_`, `.` and `-`",
  },
  base: { kind: "choice", choices: ["auto", "deployed", "branch", "none"], default: "auto" },
  infra: { kind: "flag", default: "false" },
  folder: { kind: "text", default: "preview" },
  "github-token": { kind: "text", default: "" },
  "comment-author": { kind: "text", default: "" },
  "working-directory": { kind: "text", default: "." },
} as const satisfies InputSpec;

export type DiffInputs = InputsOf<typeof inputs>;

/**
 * `plan` computes what merging the pull request would change, writes it to `folder`, and fails when it is destructive and not allowed.
 * `outdate` marks the comments of open pull requests that start from another release than the base branch makes now.
 * `comment` posts what another run's `plan` wrote: it runs with the rights to comment, none of the pull request's code, and trusts nothing in `folder`.
 */
export async function run(given: DiffInputs, services: Services): Promise<void> {
  if (given.mode === "plan") return preparePlan(given, services);
  if (given.mode === "comment") return postComment(given, services);
  const { id } = await renderProject(services.root, services.log);
  await outdateComments(services.forge(), given.environment, id, services, "merged");
}
