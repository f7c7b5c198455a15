import { cancelBackfill } from "../../src/backfill/cancel-backfill.ts";
import type { HostRequest } from "../../src/backfill/host-request.ts";
import { code } from "../../src/plan/markdown.ts";
import type { Services } from "../services.ts";

/** Cancels the backfill whose step was ended before it saw its end: the runner gives a cancelled step ten seconds. */
export async function cancelUnfinished(environment: string, asked: HostRequest, services: Services): Promise<void> {
  const found = await cancelBackfill(await services.host(environment), asked, { log: services.log });
  const { dag } = asked.request;
  if (found)
    services.summary(
      `### Backfill of ${code(dag)}: cancelled\n\nRuns that had not begun are ended. Start it again to go on: runs that are done are left.`,
    );
  else services.log.info(`no backfill of ${dag} from ${asked.request.from} to ${asked.request.to} was begun`);
}
