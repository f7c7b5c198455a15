import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { localDir } from "./paths.ts";

/**
 * Fills `target`, which is not there yet, with what `make` gives. That is made once on this machine and copied from then on: `name` has to say
 * everything that it depends on. `make` gets an empty folder, and returns the one in it that is kept. Nothing half-made is left when it fails.
 */
export async function copyPrepared(name: string, target: string, make: (folder: string) => Promise<string>): Promise<void> {
  const prepared = join(localDir, "prepared", name);
  if (!existsSync(prepared)) await prepare(prepared, make);
  const fresh = `${target}.new`;
  rmSync(fresh, { recursive: true, force: true });
  // Node's own copy does not keep the owner, and PostgreSQL's folder belongs to its user.
  await promisify(execFile)("cp", ["-a", prepared, fresh]);
  renameSync(fresh, target);
}

async function prepare(prepared: string, make: (folder: string) => Promise<string>): Promise<void> {
  mkdirSync(dirname(prepared), { recursive: true });
  const folder = mkdtempSync(`${prepared}.`);
  try {
    renameSync(await make(folder), prepared);
  } catch (error) {
    // Another process was faster: what it made is the same.
    if (!existsSync(prepared)) throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
