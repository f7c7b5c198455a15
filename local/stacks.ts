import { createHash } from "node:crypto";
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { UserError } from "../src/errors.ts";
import { withLock } from "../src/host/lock.ts";
import { localDir } from "./paths.ts";
import { keeperOf } from "./process.ts";
import type { Source } from "./run-scrapes.ts";
import { readStackAddress, type StackAddress } from "./stack-address.ts";

const stacksDir = join(localDir, "stacks");

/** One folder for each source of data, so that generated rows and real ones never meet in a table; `once` is for runs that leave nothing. */
export function stackDir(source: Source | "once"): string {
  if (source === "once") return join(stacksDir, "once");
  if (source.kind !== "files") return join(stacksDir, source.kind);
  return join(stacksDir, `files-${createHash("sha256").update(source.dir).digest("hex").slice(0, 8)}`);
}

/** The folders of every stack that this checkout ever had. */
export function allStackDirs(): string[] {
  if (!existsSync(stacksDir)) return [];
  const entries = readdirSync(stacksDir, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(stacksDir, name));
}

/** Where the stack that is up can be reached, of several the one that came up last; throws a UserError when none is. */
export function runningStack(): StackAddress {
  const since = (dir: string): number => statSync(join(dir, "stack.json")).mtimeMs;
  const [newest] = allStackDirs()
    .filter(isUp)
    .sort((a, b) => since(b) - since(a));
  return readStackAddress(newest ?? stacksDir);
}

/** Whether the stack can be used: it came up, and the process that keeps it up is alive and not stopping it. */
export function isUp(dir: string): boolean {
  return existsSync(join(dir, "stack.json")) && keeperOf(dir) !== undefined;
}

/**
 * Runs `work` while no other process keeps the stack in `dir` up; throws a UserError when one does, and names what to do. `alone`: nor may
 * one keep another stack of this checkout up, since whoever starts a second one has mostly forgotten the first.
 */
export async function asOnlyOne<T>(dir: string, alone: boolean, work: () => Promise<T>): Promise<T> {
  const other = alone ? allStackDirs().find((each) => basename(each) !== "once" && keeperOf(each) !== undefined) : undefined;
  if (other !== undefined) throw upAlready(other);
  const waiting = (): never => {
    throw upAlready(dir);
  };
  return withLock(`${dir}.lock`, { timeoutSeconds: 0, waiting }, work);
}

function upAlready(dir: string): UserError {
  const keeper = keeperOf(dir);
  const who = keeper === undefined ? "" : `, process ${keeper.pid} since ${keeper.started}`;
  return new UserError(`the stack of this checkout is up, or on its way (${basename(dir)}${who})`, {
    hint: "Use that one: `npm run dagline -- run DAG`. To start it anew, stop it first: `npm run dagline -- down`.",
  });
}
