import { dagsText } from "../../src/deploy/dags-text.ts";
import { type Drift, findDrift } from "../../src/deploy/drift.ts";
import { type HostStatus, hostStatus } from "../../src/deploy/reload.ts";
import { TransientError, UserError } from "../../src/errors.ts";
import { marker } from "../../src/forge/marker.ts";
import { code, codes } from "../../src/plan/markdown.ts";
import { renderProject } from "../../src/release/render-project.ts";
import type { InputSpec, InputsOf } from "../inputs.ts";
import { table } from "../markdown.ts";
import type { Services } from "../services.ts";

export const inputs = {
  environment: { kind: "text", default: "production" },
  "github-token": { kind: "text", default: "" },
  "comment-author": { kind: "text", default: "" },
  "working-directory": { kind: "text", default: "." },
} as const satisfies InputSpec;

/** Each has at most 300 characters, which may be 7 each when they are escaped: together they fit an issue. */
const MOST_ROWS = 25;

/** Compares bucket, host and main. Where they differ there is one open issue, which is closed once they agree again. */
export async function run({ environment }: InputsOf<typeof inputs>, services: Services): Promise<void> {
  const forge = services.forge();
  const release = await renderProject(services.root, services.log);
  const { drift, dags } = await look(environment, release.id, services);
  services.output("drift", drift.length);
  const mark = marker("drift", environment);
  if (drift.length === 0) {
    services.log.info(`bucket, host and main agree${dagsText(dags)}`);
    services.summary(`### No drift in ${code(environment)}\n\nBucket, host and main agree.${dagsMarkdown(dags)}`);
    const issue = await forge.findIssue(mark);
    if (issue === undefined) return;
    await forge.closeIssue(issue.number, `Bucket, host and main agree again: [run](${services.run.url}).`);
    services.log.info(`closed issue #${issue.number}`);
    return;
  }
  for (const { where, message } of drift) services.log.info(`${where}: ${message}`);
  const report = `${reportOf(drift)}${dagsMarkdown(dags)}`;
  services.summary(`### Drift in ${code(environment)}\n\n${report}`);
  const advice = "To mend it: run the deploy workflow for main, or the rollback workflow. This issue is closed by itself once all agree.";
  const { number, outcome, url } = await forge.upsertIssue(
    mark,
    `Drift in ${environment}`,
    `${report}\n\n${advice}\n\nSeen by [this run](${services.run.url}).`,
    [],
  );
  services.output("issue", number);
  services.log.warn(
    `${drift.length === 1 ? "one thing differs" : `${drift.length} things differ`}: issue #${number} is ${outcome}, ${url}`,
  );
}

/** As much as an issue takes. */
function reportOf(drift: readonly Drift[]): string {
  const shown = drift.slice(0, MOST_ROWS).map(({ where, message }) => [where, code(message, 300)]);
  return `${table(["where", "what"], shown)}${drift.length > MOST_ROWS ? `\n\nand ${drift.length - MOST_ROWS} more: the log has them all.` : ""}`;
}

/** No drift: a pause is a person's decision, and a removed DAG is served until its runs have ended. But whoever looks should know. */
function dagsMarkdown({ leaving, paused }: Look["dags"]): string {
  const lines = [
    leaving.length === 0 ? "" : `\n\nRemoved, but with runs to finish: ${codes(leaving, 10)}.`,
    paused === null || paused.length === 0 ? "" : `\n\nPaused in Airflow: ${codes(paused, 10)}.`,
  ];
  return lines.join("");
}

interface Look {
  readonly drift: readonly Drift[];
  readonly dags: Pick<HostStatus, "leaving" | "paused">;
}

/** A host that can't be found or does not answer is drift, too. */
async function look(environment: string, rendered: Awaited<ReturnType<typeof renderProject>>["id"], services: Services): Promise<Look> {
  const store = await services.bucket(environment);
  const commands = await services.host(environment);
  let status: HostStatus | undefined;
  const silent: Drift[] = [];
  try {
    status = await hostStatus(commands, { timeoutSeconds: 120, signal: services.signal });
  } catch (error) {
    if (services.signal.aborted || !(error instanceof TransientError || error instanceof UserError)) throw error;
    silent.push({ where: "host", message: error.message });
  }
  const { leaving = [], paused = null } = status ?? {};
  return { drift: [...silent, ...(await findDrift(store, status, rendered))], dags: { leaving, paused } };
}
