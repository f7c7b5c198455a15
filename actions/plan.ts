import { deployedContents } from "../src/deploy/deployed-contents.ts";
import type { ObjectStore } from "../src/deploy/object-store.ts";
import { hostStatus } from "../src/deploy/reload.ts";
import { TransientError, UserError } from "../src/errors.ts";
import type { ReleaseContents } from "../src/plan/contents.ts";
import { type Facts, makePlan } from "../src/plan/make-plan.ts";
import type { InfraChanges, Plan } from "../src/plan/model.ts";
import type { Services } from "./services.ts";

/** What deploying `next` would change in what the bucket's pointer names, in the runs that the host has under way and in paused DAGs. `infra`: what it changes in the cloud. */
export async function planAgainstDeployed(
  next: ReleaseContents,
  store: ObjectStore,
  environment: string,
  services: Services,
  infra?: InfraChanges,
): Promise<Plan> {
  const [base, facts] = await Promise.all([deployedContents(store, next, services.log), hostFacts(environment, services)]);
  return makePlan(base, next, { now: services.now(), ...facts, infra });
}

/** A plan without them is better than none: the host may be down, or the job may not ask it. */
async function hostFacts(environment: string, services: Services): Promise<Pick<Facts, "inFlight" | "paused">> {
  try {
    const commands = await services.host(environment);
    const { inFlight, paused, pausedRemoved } = await hostStatus(commands, { timeoutSeconds: 60, signal: services.signal });
    return {
      inFlight: inFlight ?? undefined,
      paused: paused === null || pausedRemoved === null ? undefined : [...paused, ...pausedRemoved],
    };
  } catch (error) {
    if (services.signal.aborted || !(error instanceof UserError || error instanceof TransientError)) throw error;
    services.log.warn(`runs in flight and paused DAGs are not known: ${error.message}`);
    return {};
  }
}
