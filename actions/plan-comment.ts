import type { Comment, Forge, PullRequest } from "../src/forge/forge.ts";
import { type Marker, marker } from "../src/forge/marker.ts";
import { parseReleaseId, parseSha256, type ReleaseId, type Sha256, sha256 } from "../src/ids.ts";
import { code } from "../src/plan/markdown.ts";
import type { Plan } from "../src/plan/model.ts";

/** What a comment says of the plan that it shows, for the jobs that come later. */
export interface ReviewedPlan {
  readonly plan: Sha256;
  /** The head commit that was reviewed. */
  readonly commit: string;
  readonly base: ReleaseId | null;
  /** What it takes away, as `destructiveOf` says it. */
  readonly destructive: readonly string[];
  /** When a comment first showed this very plan, by GitHub's clock, ISO 8601: a label that was given before was not for it. */
  readonly posted: string;
}

/** As the comment itself has it. `posted` is null in the first that shows a plan: it is when GitHub took the comment. */
export type ReviewNote = Omit<ReviewedPlan, "posted"> & { readonly posted: string | null };

/** The comment of a plan. */
interface ShownPlan {
  readonly comment: Comment;
  readonly reviewed: ReviewedPlan;
}

/** The label that lets a destructive plan through. */
export const ALLOW_LABEL = "allow-destructive";

/** The one place that knows how the comment of an environment is found. */
export function planMarker(environment: string): Marker {
  return marker("plan", environment);
}

/** At the very start: what comes later is the plan's own text. */
const NOTE = /^<!-- dagline-plan (\S{1,5000}) -->(\r?\n> \[!WARNING\]\r?\n> \*\*Outdated\.\*\* .*\r?\n)?(?=\r?\n)/;
/** A note has little room. */
const MOST_DESTRUCTIVE = 100;

/** The comment's body but for its marker: the note for later jobs, which commit and plan it shows, the plan. */
export function commentBody(reviewed: ReviewNote, markdown: string): string {
  return `${printNote(reviewed)}\n${markdown}\n\n<sub>Commit ${code(reviewed.commit.slice(0, 12))} · plan ${code(reviewed.plan)}</sub>`;
}

function printNote(note: ReviewNote): string {
  return `<!-- dagline-plan ${Buffer.from(JSON.stringify(note)).toString("base64url")} -->`;
}

/** Reads the note back; undefined when the comment has none that can be read, as one that a person edited. */
export function readReviewed(body: string): ReviewNote | undefined {
  const note = NOTE.exec(body)?.[1];
  if (note === undefined) return undefined;
  try {
    const { plan, commit, base, destructive, posted } = JSON.parse(Buffer.from(note, "base64url").toString("utf8")) as Record<
      string,
      unknown
    >;
    if (typeof plan !== "string" || typeof commit !== "string") return undefined;
    if (posted !== null && typeof posted !== "string") return undefined;
    if (!Array.isArray(destructive) || !destructive.every((each) => typeof each === "string")) return undefined;
    return { plan: parseSha256(plan), commit, base: typeof base === "string" ? parseReleaseId(base) : null, destructive, posted };
  } catch {
    return undefined;
  }
}

export function reviewedOf(plan: Plan, commit: string, posted: string | null): ReviewNote {
  return { plan: plan.id, commit, base: plan.base?.release ?? null, destructive: destructiveOf(plan), posted };
}

/** Whether all that `plan` takes away was shown by the reviewed one, whatever else differs. */
export function showedAll(reviewed: ReviewedPlan, plan: Plan): boolean {
  return destructiveOf(plan).every((digest) => reviewed.destructive.includes(digest));
}

/** A short digest of each thing that a plan takes away; of very many, one digest of all. */
function destructiveOf({ destructive }: Plan): readonly string[] {
  const short = (value: unknown): string => sha256(JSON.stringify(value)).slice(0, 12);
  // How many runs of a DAG are under way differs from hour to hour.
  const each = [...new Set(destructive.map(({ what, why, dag, table, resource }) => short([what, dag ?? why, table, resource])))].sort();
  return each.length <= MOST_DESTRUCTIVE ? each : [short(each)];
}

/** The comment of the plan and what it says; undefined when there is none. */
export async function findReviewed(forge: Forge, number: number, environment: string): Promise<ShownPlan | undefined> {
  const comment = await forge.findComment(number, planMarker(environment));
  const note = comment === undefined ? undefined : readReviewed(comment.body);
  return comment === undefined || note === undefined
    ? undefined
    : { comment, reviewed: { ...note, posted: note.posted ?? comment.updatedAt } };
}

/**
 * Whether the pull request bears the label, given after a comment showed this very plan; else, in words, what is to be done.
 * Whoever gave it must be another than the machine that posts.
 */
export async function allowed(forge: Forge, { number, labels }: PullRequest, plan: Sha256, environment: string): Promise<true | string> {
  const label = `the label \`${ALLOW_LABEL}\``;
  const shown = await findReviewed(forge, number, environment);
  if (shown?.reviewed.plan !== plan)
    return `Its comment is posted when this run ends. Read it, then give the pull request ${label}${labels.includes(ALLOW_LABEL) ? " anew" : ""}.`;
  if (!labels.includes(ALLOW_LABEL)) return `If that is what you want, give the pull request ${label}.`;
  const given = (await forge.labelEvents(number)).find((event) => event.label === ALLOW_LABEL);
  if (given?.by?.toLowerCase() === shown.comment.author.toLowerCase())
    return `${label} was given by ${code(shown.comment.author)}, which posts the plans: a person must give it.`;
  if (given !== undefined && Date.parse(given.at) > Date.parse(shown.reviewed.posted)) return true;
  return `${label} was given before this plan was posted: take it away, read the comment, and give it again.`;
}

/**
 * The comment's body with the words above the plan that it is no longer what would happen, and why; null takes them away. The note stays, so that it is known
 * what was reviewed, and says when: editing a comment moves GitHub's time of it.
 */
export function markOutdated({ comment, reviewed }: ShownPlan, why: string | null): string {
  if (why === null && NOTE.exec(comment.body)?.[2] === undefined) return comment.body;
  return comment.body.replace(NOTE, () => `${printNote(reviewed)}${why === null ? "" : `\n> [!WARNING]\n> **Outdated.** ${why}\n`}`);
}
