import { deployedContents } from "../src/deploy/deployed-contents.ts";
import type { ObjectStore } from "../src/deploy/object-store.ts";
import { hostStatus } from "../src/deploy/reload.ts";
import { TransientError, UserError } from "../src/errors.ts";
import type { ReleaseContents } from "../src/plan/contents.ts";
import { makePlan } from "../src/plan/make-plan.ts";
import type { InfraChanges, Plan } from "../src/plan/model.ts";
import type { Services } from "./services.ts";

/** What deploying `next` would change in what the bucket's pointer names, and in the runs that the host has under way. `infra`: what it changes in the cloud. */
export async function planAgainstDeployed(
  next: ReleaseContents,
  store: ObjectStore,
  environment: string,
  services: Services,
  infra?: InfraChanges,
): Promise<Plan> {
  const [base, inFlight] = await Promise.all([deployedContents(store, next, services.log), runsInFlight(environment, services)]);
  return makePlan(base, next, { now: services.now(), inFlight, infra });
}

/** A plan without them is better than none: the host may be down, or the job may not ask it. */
async function runsInFlight(environment: string, services: Services): Promise<Readonly<Record<string, number>> | undefined> {
  try {
    const status = await hostStatus(await services.host(environment), { timeoutSeconds: 60, signal: services.signal });
    return status.inFlight ?? undefined;
  } catch (error) {
    if (services.signal.aborted || !(error instanceof UserError || error instanceof TransientError)) throw error;
    services.log.warn(`runs in flight are not known: ${error.message}`);
    return undefined;
  }
}
