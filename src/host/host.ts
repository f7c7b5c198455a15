import type { ObjectStore } from "../deploy/object-store.ts";
import type { Log } from "../log.ts";
import type { Airflow } from "./airflow.ts";
import type { Trial } from "./try-release.ts";

/** The machine that the agent works on: its folder and what it reaches from there. */
export interface Host {
  /** The host's folder. */
  readonly home: string;
  readonly store: ObjectStore;
  readonly airflow: Airflow;
  readonly prepareTrial: () => Trial;
  readonly now: () => Date;
  readonly log: Log;
}
