/** What goes wrong with the next requests of a kind. */
export interface GithubFault {
  readonly method: string;
  /** A part of the path, e.g. `/comments`. */
  readonly path: string;
  /** How many requests meet it. Default: one. */
  readonly times?: number;
  readonly answer: FaultAnswer | "connection closed" | "answer broken off";
  /** Whether the request is carried out all the same, as it is where the answer breaks off. */
  readonly afterChange?: boolean;
}

export interface FaultAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly message?: string;
}

export const badGateway: FaultAnswer = { status: 502, message: "Server Error" };

/** As GitHub answers one who writes too fast. Without seconds, it does not say how long to wait. */
export function secondaryRateLimit(retryAfterSeconds?: number): FaultAnswer {
  const message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
  return { status: 403, message, headers: retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) } };
}

/** As GitHub answers when the hour's requests are used up. */
export function primaryRateLimit(reset: Date): FaultAnswer {
  const headers = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(Math.ceil(reset.getTime() / 1000)) };
  return { status: 403, message: "API rate limit exceeded for installation.", headers };
}

/** The faults that wait to happen; each is taken as often as it says. */
export class GithubFaults {
  readonly #waiting: { readonly fault: GithubFault; left: number }[] = [];

  add(fault: GithubFault): void {
    this.#waiting.push({ fault, left: fault.times ?? 1 });
  }

  take(method: string, path: string): GithubFault | undefined {
    const found = this.#waiting.find(({ fault, left }) => left > 0 && fault.method === method && path.includes(fault.path));
    if (found === undefined) return undefined;
    found.left -= 1;
    return found.fault;
  }
}
