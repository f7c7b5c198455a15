import { UserError } from "../errors.ts";
import { type BackfillRequest, parseBackfillRequest } from "./request.ts";

/** What the agent is asked to do with a backfill. */
export const backfillActions = ["dry-run", "start", "status", "cancel"] as const;
export type BackfillAction = (typeof backfillActions)[number];

/** A request on its way to the agent; docs/architecture.md, "A backfill". */
export interface HostRequest {
  readonly request: BackfillRequest;
  /** Which backfill: what `start` answered. Null before. */
  readonly id: string | null;
  /** The release that the plan was made for; the agent starts no run of another one. */
  readonly release: string | null;
  /** How many failed runs the watcher knows the reason of: reasons cost requests, so they are told when there are more. */
  readonly failuresKnown: number;
}

/** The SSM document's pattern takes no more. */
const LONGEST = 4096;

/** As base64url JSON, so that no character of it means anything to a shell. Throws a UserError when the params are too long for that. */
export function encodeHostRequest({ request, id, release, failuresKnown }: HostRequest): string {
  const { dag, from, to, every, reprocess, params } = request;
  const wire = {
    version: 1,
    dag,
    from,
    to,
    every,
    reprocess,
    max_active_runs: request.maxActiveRuns,
    max_runs: request.maxRuns,
    newest_first: request.newestFirst,
    params,
    id,
    release,
    failures_known: failuresKnown,
  };
  const text = Buffer.from(JSON.stringify(wire)).toString("base64url");
  if (text.length <= LONGEST) return text;
  throw new UserError(`params are too long: ${JSON.stringify(params).length} characters of JSON`, {
    hint: "About 2,500 fit. Keep long values in the scrape's config/.",
  });
}

/** Reads and checks what `encodeHostRequest` wrote. Throws a UserError. */
export function decodeHostRequest(text: string): HostRequest {
  const wire = /^[A-Za-z0-9_-]{1,4096}$/.test(text) ? parseJson(Buffer.from(text, "base64url").toString("utf8")) : undefined;
  if (wire?.version !== 1) {
    throw new UserError("the request for a backfill can't be read", { hint: "Do the host's agent and this dagline fit together?" });
  }
  const words = (name: string): string => (wire[name] === null || wire[name] === undefined ? "" : String(wire[name]));
  const request = parseBackfillRequest({
    dag: words("dag"),
    from: words("from"),
    to: words("to"),
    every: words("every"),
    reprocess: words("reprocess"),
    max_active_runs: words("max_active_runs"),
    max_runs: words("max_runs"),
    newest_first: words("newest_first"),
    params: JSON.stringify(wire.params ?? {}),
  });
  return {
    request,
    id: words("id") === "" ? null : words("id"),
    release: words("release") === "" ? null : words("release"),
    failuresKnown: typeof wire.failures_known === "number" ? wire.failures_known : 0,
  };
}

function parseJson(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
