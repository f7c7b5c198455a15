import { dagsText } from "../../src/deploy/dags-text.ts";
import { reload } from "../../src/deploy/reload.ts";
import { parseReleaseId, shortId } from "../../src/ids.ts";
import { failingDeployment, setState } from "../deployment.ts";
import type { InputSpec, InputsOf } from "../inputs.ts";
import { proofMarkdown } from "../proof.ts";
import type { Services } from "../services.ts";

export const inputs = {
  environment: { kind: "text", default: "production" },
  release: { kind: "text", default: "current", pattern: /^(?:current|[0-9a-f]{64})$/, takes: "a release's id, 64 digits, or current" },
  deployment: { kind: "text", default: "", pattern: /^\d{0,15}$/, takes: "the output `deployment` of sync" },
  "timeout-minutes": { kind: "text", default: "15", pattern: /^(?:[1-9]|[1-5]\d|60)$/, takes: "a whole number from 1 to 60" },
  "github-token": { kind: "text", default: "" },
  "working-directory": { kind: "text", default: "." },
} as const satisfies InputSpec;

/** Has the host switch to the release and prove it. Fails, with the line of YAML, when the host stayed where it was. */
export async function run(given: InputsOf<typeof inputs>, services: Services): Promise<void> {
  const release = given.release === "current" ? given.release : parseReleaseId(given.release);
  const timeoutSeconds = 60 * Number(given["timeout-minutes"]);
  const { url } = await services.environment(given.environment);
  const prove = async (): Promise<void> => {
    const commands = await services.host(given.environment);
    const proof = await reload(commands, { release, timeoutSeconds, signal: services.signal, log: services.log });
    services.log.info(`the host serves release ${shortId(proof.release)}: ${proof.dags} DAGs${dagsText(proof)}`);
    services.summary(proofMarkdown(proof));
    services.output("release", proof.release);
    services.output("dags", proof.dags);
  };
  if (given.deployment === "") return prove();
  const deployment = Number(given.deployment);
  const forge = services.forge();
  await failingDeployment(forge, deployment, services, prove);
  await setState(forge, deployment, "success", services, url === null ? {} : { url });
}
