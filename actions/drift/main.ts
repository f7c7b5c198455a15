import { type Drift, findDrift } from "../../src/deploy/drift.ts";
import { hostStatus } from "../../src/deploy/reload.ts";
import { TransientError } from "../../src/errors.ts";
import { marker } from "../../src/forge/marker.ts";
import { code } from "../../src/plan/markdown.ts";
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

/** Compares bucket, host and main. Where they differ there is one open issue, which is closed once they agree again. */
export async function run({ environment }: InputsOf<typeof inputs>, services: Services): Promise<void> {
  const forge = services.forge();
  const release = await renderProject(services.root, services.log);
  const drift = await look(environment, release.id, services);
  services.output("drift", drift.length);
  const mark = marker("drift", environment);
  if (drift.length === 0) {
    services.log.info("bucket, host and main agree");
    services.summary(`### No drift in ${code(environment)}\n\nBucket, host and main agree.`);
    const issue = await forge.findIssue(mark);
    if (issue === undefined) return;
    await forge.closeIssue(issue.number, `Bucket, host and main agree again: [run](${services.run.url}).`);
    services.log.info(`closed issue #${issue.number}`);
    return;
  }
  for (const { where, message } of drift) services.log.info(`${where}: ${message}`);
  const report = `${table(
    ["where", "what"],
    drift.map(({ where, message }) => [where, code(message, 300)]),
  )}`;
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

/** A host that does not answer is drift, too. */
async function look(environment: string, rendered: Awaited<ReturnType<typeof renderProject>>["id"], services: Services): Promise<Drift[]> {
  const store = await services.bucket(environment);
  try {
    const status = await hostStatus(await services.host(environment), { timeoutSeconds: 120, signal: services.signal });
    return await findDrift(store, status, rendered);
  } catch (error) {
    if (!(error instanceof TransientError)) throw error;
    return [{ where: "host", message: error.message }, ...(await findDrift(store, undefined, rendered))];
  }
}
