import { setTimeout as delay } from "node:timers/promises";
import { TransientError } from "../src/errors.ts";
import type { AirflowCall } from "./runs.ts";

interface Patience {
  /** How long Airflow may be silent. */
  readonly seconds: number;
  /** Between two questions. */
  readonly pauseSeconds?: number;
  /** Told once for each silence. */
  readonly silent: (error: TransientError) => void;
  /** False: waiting is of no use. */
  readonly goOn: () => boolean;
}

/** A call that asks again while Airflow does not answer: a busy laptop can keep it silent for a minute. What changes something is asked once. */
export function patientCall(call: AirflowCall, { seconds, pauseSeconds = 1, silent, goOn }: Patience): AirflowCall {
  return async (method, path, body) => {
    const end = performance.now() + seconds * 1000;
    for (let tries = 0; ; tries++) {
      try {
        return await call(method, path, body);
      } catch (error) {
        if (!(error instanceof TransientError) || method !== "GET" || performance.now() > end || !goOn()) throw error;
        if (tries === 0) silent(error);
        await delay(pauseSeconds * 1000);
      }
    }
  };
}

/** How long Airflow's silence is borne here. */
export const SILENCE_SECONDS = 120;
