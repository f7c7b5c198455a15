import { type Fitted, fit, type Section } from "./fit.ts";
import { code } from "./markdown.ts";
import type { Plan } from "./model.ts";
import { dagSection } from "./report-dags.ts";
import { codeSection, destructiveSection, infraSection, rowSection, tableSection, upcomingSection } from "./report-sections.ts";
import { headline, summary } from "./report-summary.ts";

export { planText } from "./report-text.ts";

/** GitHub's limit for a comment is 65,536; some room is for who posts it. */
const LIMIT = 60_000;

/**
 * A plan as GitHub's Markdown: the summary, what is destructive, what happens next, then details, folded. `body` has at most `limit`
 * characters; what had to be left out of it is `rest`, and `body` says so.
 */
export function planMarkdown(plan: Plan, { limit = LIMIT }: { readonly limit?: number } = {}): Fitted {
  const head = [`**${headline(plan)}**`, names(plan), ...(plan.nothing ? [] : [summary(plan)])].join("\n\n");
  const sections: Section[] = [
    destructiveSection(plan),
    upcomingSection(plan),
    tableSection(plan),
    infraSection(plan),
    dagSection(plan),
    rowSection(plan),
    codeSection(plan),
  ];
  return fit(head, plan.nothing ? [rowSection(plan)] : sections, limit);
}

function names({ base, next, id }: Plan): string {
  const name = (of: Plan["base"]): string =>
    of === null
      ? "nothing"
      : `release ${code(of.release.slice(0, 12))}${of.commit === null ? "" : ` (commit ${code(of.commit.slice(0, 12))})`}`;
  return `From ${name(base)} to ${name(next)} · plan ${code(id.slice(0, 12))}`;
}
