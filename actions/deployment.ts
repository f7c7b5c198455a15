import { describeError } from "../src/errors.ts";
import type { DeploymentState, Forge } from "../src/forge/forge.ts";
import type { Services } from "./services.ts";

interface DeploymentRecord {
  readonly environment: string;
  readonly release: string;
  readonly plan: string;
  /** That the release was rendered from. */
  readonly commit: string;
}

/** Opens GitHub's record of this deploy, once for a run and its attempt. Returns its id. */
export async function openDeployment(
  forge: Forge,
  services: Services,
  { environment, release, plan, commit }: DeploymentRecord,
): Promise<number> {
  const { run } = services;
  const { id } = await forge.createDeployment({
    ref: commit,
    environment,
    description: `release ${release.slice(0, 12)}`,
    payload: { release, plan },
    key: `${run.id}-${run.attempt}`,
  });
  await setState(forge, id, "in_progress", services);
  return id;
}

/** Does `work`; when it fails, the deployment has failed. */
export async function failingDeployment<T>(forge: Forge, id: number, services: Services, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const description = error instanceof Error ? error.message : String(error);
    // That GitHub can't be told must not hide why the deploy failed.
    await setState(forge, id, services.signal.aborted ? "error" : "failure", services, { description }).catch((later: unknown) => {
      services.log.warn(`the deployment's state could not be set: ${describeError(later)}`);
    });
    throw error;
  }
}

export async function setState(
  forge: Forge,
  id: number,
  state: DeploymentState,
  { run }: Services,
  details: { readonly url?: string; readonly description?: string } = {},
): Promise<void> {
  await forge.setDeploymentStatus(id, state, { logUrl: run.url, ...details });
}
