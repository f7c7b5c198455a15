import { answerOf, asRecord, unanswered } from "../deploy/agent-answer.ts";
import type { HostCommands } from "../deploy/host-commands.ts";
import { TransientError, UserError } from "../errors.ts";
import { type BackfillAnswers, readAnswer } from "./answers.ts";
import { type BackfillAction, encodeHostRequest, type HostRequest } from "./host-request.ts";

/**
 * Asks the agent on the host, over the SSM document. Throws UserError with the host's reason, TransientError when it does not answer;
 * when the signal aborts, its reason, after the command was cancelled on the host.
 */
export async function askAgent<Action extends BackfillAction>(
  commands: HostCommands,
  action: Action,
  asked: HostRequest,
  signal?: AbortSignal,
): Promise<BackfillAnswers[Action]> {
  const parameters = { Action: action, Request: encodeHostRequest(asked) };
  const outcome = await commands.run("dagline-backfill", parameters, { timeoutSeconds: 300, ...(signal === undefined ? {} : { signal }) });
  const answer = answerOf(outcome);
  if (answer?.ok === true && outcome.exitCode === 0) return readAnswer(action, answer);
  const { message, hint } = asRecord(answer?.error) ?? {};
  if (answer?.ok !== false || typeof message !== "string") throw unanswered(`the host did not answer to a backfill's ${action}`, outcome);
  const details = typeof hint === "string" ? { hint } : {};
  throw outcome.exitCode === 1 ? new UserError(message, details) : new TransientError(message, details);
}
