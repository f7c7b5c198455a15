import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { TransientError, UserError } from "../errors.ts";

export interface AirflowApiSettings {
  /** Without `/api/v2`, e.g. `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly user: string;
  /** A JSON file that maps user names to passwords, as Airflow's simple auth manager keeps it. */
  readonly passwordFile: string;
}

export interface AirflowAnswer {
  readonly status: number;
  readonly body: unknown;
}

interface Limit {
  readonly timeoutSeconds?: number;
}

/** Airflow's REST API, version 2, with the token that it asks for. */
export class AirflowApi {
  readonly #settings: AirflowApiSettings;
  #token: Promise<string> | undefined;

  constructor(settings: AirflowApiSettings) {
    this.#settings = settings;
  }

  /**
   * One call; `path` is what follows `/api/v2`. A status of 400 or more comes back with its body. It may take 30 s, or what is given.
   * Throws a TransientError when Airflow can't be reached, a UserError when it refuses the user.
   */
  readonly call = async (method: string, path: string, body?: unknown, limit: Limit = {}): Promise<AirflowAnswer> => {
    const answer = await this.#callWithToken(method, path, body, limit);
    if (answer.status !== 401) return answer;
    this.#token = undefined; // expired, or Airflow was set up anew
    return this.#callWithToken(method, path, body, limit);
  };

  /** What Airflow says about the health of its parts; needs no user. */
  readonly health = async (): Promise<AirflowAnswer> => this.#send("GET", "/api/v2/monitor/health", {});

  async #callWithToken(method: string, path: string, body: unknown, limit: Limit): Promise<AirflowAnswer> {
    this.#token ??= this.#login();
    try {
      return await this.#send(method, `/api/v2${path}`, { authorization: `Bearer ${await this.#token}` }, body, limit);
    } catch (error) {
      this.#token = undefined;
      throw error;
    }
  }

  async #login(): Promise<string> {
    const { user, passwordFile } = this.#settings;
    const password = await readPassword(passwordFile, user);
    const { status, body } = await this.#send("POST", "/auth/token", {}, { username: user, password });
    if (status >= 500 || status === 408 || status === 429)
      throw new TransientError(`Airflow at ${this.#settings.url} could not log ${user} in: status ${status}`);
    const token = (body as { access_token?: unknown } | null)?.access_token;
    if (status >= 400 || typeof token !== "string") {
      throw new UserError(`Airflow at ${this.#settings.url} refuses the user ${user}: status ${status}`, {
        hint: `Its password is read from ${passwordFile}: is that this Airflow's file?`,
      });
    }
    return token;
  }

  async #send(method: string, path: string, headers: Record<string, string>, body?: unknown, limit: Limit = {}): Promise<AirflowAnswer> {
    const signal = AbortSignal.timeout((limit.timeoutSeconds ?? 30) * 1000);
    const request: RequestInit = { method, headers: { ...headers, accept: "application/json" }, signal };
    if (body !== undefined) {
      request.body = JSON.stringify(body);
      request.headers = { ...request.headers, "content-type": "application/json" };
    }
    const response = await this.#reach(`${this.#settings.url}${path}`, request);
    try {
      const text = await response.text();
      return { status: response.status, body: response.headers.get("content-type")?.includes("json") ? JSON.parse(text) : text };
    } catch (error) {
      throw this.#unreachable(error); // the answer broke off, took too long, or is none of Airflow's
    }
  }

  async #reach(url: string, request: RequestInit): Promise<Response> {
    try {
      return await fetch(url, request);
    } catch (first) {
      if (request.method !== "GET") throw this.#unreachable(first);
      // A kept connection that the server closed meanwhile is no reason to give up.
      await delay(100);
      return fetch(url, request).catch((error: unknown) => {
        throw this.#unreachable(error);
      });
    }
  }

  #unreachable(error: unknown): TransientError {
    return new TransientError(`Airflow's API at ${this.#settings.url} does not answer`, {
      hint: "Look at the service airflow-api-server and its log, then try again.",
      cause: error,
    });
  }
}

async function readPassword(file: string, user: string): Promise<string> {
  let passwords: Record<string, unknown>;
  try {
    passwords = JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>;
  } catch (error) {
    throw new UserError(`the password of Airflow's user ${user} can't be read from ${file}`, {
      hint: "host.json names the file in airflow_password_file; Airflow's api-server writes it when it starts.",
      cause: error,
    });
  }
  const password = passwords[user];
  if (typeof password !== "string") throw new UserError(`${file} has no password for Airflow's user ${user}`);
  return password;
}
