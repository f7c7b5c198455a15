import { dagsText } from "../../src/deploy/dags-text.ts";
import { reload } from "../../src/deploy/reload.ts";
import { rollback } from "../../src/deploy/rollback.ts";
import { describeError } from "../../src/errors.ts";
import { shortId } from "../../src/ids.ts";
import { failingDeployment, openDeployment, setState } from "../deployment.ts";
import type { InputSpec, InputsOf } from "../inputs.ts";
import { outdateComments } from "../outdate.ts";
import { proofMarkdown } from "../proof.ts";
import type { Services } from "../services.ts";

export const inputs = {
  environment: { kind: "text", default: "production" },
  to: {
    kind: "text",
    default: "",
    pattern: /^(?:[0-9a-f]{6,64})?$/,
    takes: "a release's id, at least its first six digits, or nothing for the one before",
  },
  "github-token": { kind: "text", default: "" },
  "comment-author": { kind: "text", default: "" },
  "working-directory": { kind: "text", default: "." },
} as const satisfies InputSpec;

/** Moves the pointer to the release before, or to a named one, and has the host prove that it serves it. */
export async function run({ environment, to }: InputsOf<typeof inputs>, services: Services): Promise<void> {
  const { url } = await services.environment(environment);
  const forge = services.forge();
  const moved = await rollback(await services.bucket(environment), { to: to === "" ? undefined : to, now: services.now() });
  services.log.info(`the pointer names release ${shortId(moved.release)}`);
  services.output("release", moved.release);
  // Who goes back must arrive, with or without GitHub's record of it.
  const record = { environment, release: moved.release, plan: "rollback", commit: moved.commit ?? services.run.sha };
  const deployment = await openDeployment(forge, services, record).catch((error: unknown) => {
    services.log.warn(`the rollback goes on without a deployment: ${describeError(error)}`);
    return undefined;
  });
  const prove = async (): Promise<void> => {
    const commands = await services.host(environment);
    const proof = await reload(commands, { release: moved.release, timeoutSeconds: 900, signal: services.signal, log: services.log });
    services.log.info(`rolled back: the host serves release ${shortId(proof.release)}${dagsText(proof)}`);
    services.summary(proofMarkdown(proof));
    services.output("dags", proof.dags);
  };
  await (deployment === undefined ? prove() : failingDeployment(forge, deployment, services, prove));
  if (deployment !== undefined) await setState(forge, deployment, "success", services, url === null ? {} : { url });
  await outdateComments(forge, environment, moved.release, services);
}
