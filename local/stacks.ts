import { createHash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { localDir } from "./paths.ts";
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
  return existsSync(stacksDir) ? readdirSync(stacksDir).map((name) => join(stacksDir, name)) : [];
}

/** Where the stack that is up can be reached; throws a UserError when none is. */
export function runningStack(): StackAddress {
  for (const dir of allStackDirs()) if (existsSync(join(dir, "stack.json"))) return readStackAddress(dir);
  return readStackAddress(stacksDir);
}
