import { reload } from "../../src/deploy/reload.ts";
import { UserError } from "../../src/errors.ts";
import { parseReleaseId, shortId } from "../../src/ids.ts";
import { failingDeployment, setState } from "../deployment.ts";
import type { InputSpec, InputsOf } from "../inputs.ts";
import { proofMarkdown } from "../proof.ts";
import type { Services } from "../services.ts";

export const inputs = {
  environment: { kind: "text", default: "production" },
  release: { kind: "text", default: "current" },
  deployment: { kind: "text", default: "" },
  "timeout-minutes": { kind: "text", default: "15" },
  "github-token": { kind: "text", default: "" },
  "working-directory": { kind: "text", default: "." },
} as const satisfies InputSpec;

/** Has the host switch to the release and prove it. Fails, with the line of YAML, when the host stayed where it was. */
export async function run(given: InputsOf<typeof inputs>, services: Services): Promise<void> {
  const minutes = Number(given["timeout-minutes"]);
  if (!Number.isInteger(minutes) || minutes < 1 || minutes > 60) {
    throw new UserError(
      `the input \`timeout-minutes\` is ${JSON.stringify(given["timeout-minutes"])}: it takes a whole number from 1 to 60`,
    );
  }
  const release = given.release === "current" ? given.release : parseReleaseId(given.release);
  const deployment = given.deployment === "" ? undefined : Number(given.deployment);
  if (deployment !== undefined && !Number.isSafeInteger(deployment)) {
    throw new UserError(`the input \`deployment\` is ${JSON.stringify(given.deployment)}: it takes the output \`deployment\` of sync`);
  }
  const { url } = await services.environment(given.environment);
  const commands = await services.host(given.environment);
  const prove = async (): Promise<void> => {
    const proof = await reload(commands, { release, timeoutSeconds: minutes * 60, signal: services.signal, log: services.log });
    services.log.info(`the host serves release ${shortId(proof.release)}: ${proof.dags} DAGs`);
    services.summary(proofMarkdown(proof));
    services.output("release", proof.release);
    services.output("dags", proof.dags);
  };
  if (deployment === undefined) return prove();
  const forge = services.forge();
  await failingDeployment(forge, deployment, services, prove);
  await setState(forge, deployment, "success", services, url === null ? {} : { url });
}
