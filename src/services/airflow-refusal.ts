import { TransientError, UserError } from "../errors.ts";

/** What an answer of Airflow's API with a status of 400 or more means. `what` was asked for; `reason` is Airflow's own. */
export function airflowRefusal(status: number, what: string, reason: string): UserError | TransientError {
  const why = reason === "" ? "" : `: ${reason}`;
  if (status === 401 || status === 403) {
    return new UserError(`Airflow's user may not ask for ${what} (status ${status})${why}`, {
      hint: "Give the user that host.json names in airflow_user the rights of an admin.",
    });
  }
  if (status < 500 && !PASSING.has(status))
    return new UserError(`Airflow refuses ${what}${reason === "" ? ` with status ${status}` : why}`);
  return new TransientError(`Airflow answered with status ${status} when asked for ${what}${why}`, {
    hint: "Look at the log of airflow-api-server.",
  });
}

/** Too slow, in conflict with another change, too many requests: another try may do. */
const PASSING = new Set([408, 409, 425, 429]);
