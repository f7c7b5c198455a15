import { readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../src/errors.ts";

/** What another terminal needs to speak to a stack that is up; kept in its folder as `stack.json`, without any secret. */
export interface StackAddress {
  readonly dir: string;
  /** The host's folder, `DAGLINE_HOME`. */
  readonly home: string;
  readonly airflow: { readonly url: string; readonly user: string; readonly passwordFile: string };
  readonly aws: { readonly region: string; readonly endpoint: string; readonly credentialsFile: string };
  /** Roles log in over the Unix socket, without a password. */
  readonly postgres: { readonly socketDir: string; readonly port: number; readonly database: string };
  readonly ssm: { readonly endpoint: string; readonly instance: string };
  readonly dagsBucket: string;
  readonly stagingBucket: string;
}

/** Reads where the stack in `dir` is, or says that there is none. */
export function readStackAddress(dir: string): StackAddress {
  try {
    return JSON.parse(readFileSync(join(dir, "stack.json"), "utf8")) as StackAddress;
  } catch (error) {
    throw new UserError("no local stack is running", {
      hint: "Start it with `npm start`, then run this in another terminal.",
      cause: error,
    });
  }
}
