import { randomBytes } from "node:crypto";
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import getPort from "get-port";
import pg from "pg";
import { UserError } from "../src/errors.ts";
import { sha256 } from "../src/ids.ts";
import {
  asServerUser,
  type PostgresVersion,
  postgresVersionFor,
  prepareCluster,
  type Role,
  roles,
  type ServerUser,
  serverEnv,
  serverUser,
} from "./postgres-cluster.ts";
import { copyPrepared } from "./prepared.ts";
import { type Service, startService, waitUntilReady } from "./process.ts";
import { scramVerifier } from "./scram.ts";

export interface LocalPostgres {
  readonly version: PostgresVersion;
  /** For connections by TCP: only `dagline_loader`, with the password that `setRandomPassword` gave. */
  readonly host: "127.0.0.1";
  readonly port: number;
  /** For connections by socket: only this machine's user, as any of our roles, without a password. */
  readonly socketDir: string;
  readonly service: Service;
  /** Makes a database unless it is there; nobody but its owner may connect to it. */
  createDatabase(name: string, owner: Role): Promise<void>;
  /** Gives the role a new password; the server is told only what verifies it. */
  setRandomPassword(role: Role): Promise<string>;
  /** A connection over the socket, as the superuser unless told otherwise; whoever asked for it ends it. */
  connect(database: string, role?: Role): Promise<pg.Client>;
  stop(): Promise<void>;
}

export interface PostgresOptions {
  /** The data is kept in `<dir>/postgres`, and used again when it is there. */
  readonly dir: string;
  /** Another one is taken when it is not free. */
  readonly port?: number;
  /** Default: as `postgresVersionFor` says. */
  readonly version?: PostgresVersion;
  /** Settings of the server, such as `fsync`, over ours. */
  readonly settings?: Readonly<Record<string, string>>;
}

const databases = [
  ["airflow", "airflow"],
  ["data_pipeline_db", "dagline_loader"],
] as const;

/** Starts a PostgreSQL of our own with the databases `airflow` and `data_pipeline_db` and resolves when it answers. */
export async function startPostgres(options: PostgresOptions): Promise<LocalPostgres> {
  const data = join(options.dir, "postgres");
  const version = options.version ?? postgresVersionFor(data);
  if (!existsSync(join(data, "PG_VERSION"))) {
    mkdirSync(options.dir, { recursive: true, mode: 0o700 });
    await copyPrepared(clusterName(version), data, async (dir) => {
      await (await startServer({ dir }, version)).stop();
      return join(dir, "postgres");
    });
  }
  return startServer(options, version);
}

/** All that a new cluster depends on. */
function clusterName(version: PostgresVersion): string {
  const sources = ["postgres.ts", "postgres-cluster.ts"].map((name) => readFileSync(join(import.meta.dirname, name), "utf8"));
  return `postgres-${version}-${serverUser().name}-${sha256(sources.join("")).slice(0, 12)}`;
}

/** Makes the cluster when it is not there. */
async function startServer(options: PostgresOptions, version: PostgresVersion): Promise<LocalPostgres> {
  const user = serverUser();
  const data = join(options.dir, "postgres");
  await prepareCluster(data, version, user);
  const socketDir = makeSocketDir(options.dir, user);
  const port = await getPort({ host: "127.0.0.1", ...(options.port === undefined ? {} : { port: options.port }) });
  const settings = Object.entries(settingsOf(socketDir, options)).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const service = startService({
    name: "postgres",
    ...asServerUser(user, version, "postgres", ["-D", data, "-p", String(port), ...settings], data),
    env: serverEnv(),
    cwd: "/",
    dir: options.dir,
  });
  const connect = (database: string, role: Role = "postgres"): Promise<pg.Client> => connectTo(socketDir, port, database, role);
  const stop = async (): Promise<void> => {
    await shutDown(service);
    rmSync(socketDir, { recursive: true, force: true });
  };
  try {
    await waitUntilReady(service, async () => (await connect("postgres")).end().then(() => true));
    await asSuperuser(connect, async (client) => {
      for (const role of roles.slice(1)) await createRole(client, role);
      for (const [name, owner] of databases) await createDatabase(client, name, owner);
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    version,
    host: "127.0.0.1",
    port,
    socketDir,
    service,
    createDatabase: (name, owner) => asSuperuser(connect, (client) => createDatabase(client, name, owner)),
    setRandomPassword: (role) => asSuperuser(connect, (client) => setRandomPassword(client, role)),
    connect,
    stop,
  };
}

function settingsOf(socketDir: string, options: PostgresOptions): Record<string, string> {
  return {
    listen_addresses: "127.0.0.1",
    unix_socket_directories: socketDir,
    timezone: "UTC",
    log_timezone: "UTC",
    // Nothing follows this server's log of changes, so a load into a new table need not write it.
    wal_level: "minimal",
    max_wal_senders: "0",
    max_wal_size: "2GB",
    ...options.settings,
  };
}

/** A socket's path may have 107 bytes, and the stack's folder can be anywhere: a private folder in /tmp is short. */
function makeSocketDir(dir: string, user: ServerUser): string {
  const note = join(dir, "postgres-socket");
  const left = existsSync(note) ? readFileSync(note, "utf8") : "";
  if (basename(left).startsWith("dagline-pg-")) rmSync(left, { recursive: true, force: true });
  const socketDir = mkdtempSync(join(tmpdir().length > 60 ? "/tmp" : tmpdir(), "dagline-pg-"));
  if (user.ids) chownSync(socketDir, user.ids.uid, user.ids.gid);
  writeFileSync(note, socketDir, { mode: 0o600 });
  return socketDir;
}

async function connectTo(socketDir: string, port: number, database: string, role: Role): Promise<pg.Client> {
  const client = new pg.Client({ host: socketDir, port, database, user: role });
  await client.connect();
  return client;
}

async function asSuperuser<T>(connect: (database: string) => Promise<pg.Client>, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await connect("postgres");
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function createRole(client: pg.Client, role: Role): Promise<void> {
  const { rowCount } = await client.query("SELECT FROM pg_roles WHERE rolname = $1", [role]);
  if (rowCount === 0) await client.query(`CREATE ROLE ${pg.escapeIdentifier(role)} LOGIN`);
}

async function createDatabase(client: pg.Client, name: string, owner: Role): Promise<void> {
  const { rowCount } = await client.query("SELECT FROM pg_database WHERE datname = $1", [name]);
  if (rowCount !== 0) return;
  const quoted = pg.escapeIdentifier(name);
  await client.query(`CREATE DATABASE ${quoted} OWNER ${pg.escapeIdentifier(owner)}`);
  await client.query(`REVOKE CONNECT ON DATABASE ${quoted} FROM PUBLIC`);
}

async function setRandomPassword(client: pg.Client, role: Role): Promise<string> {
  if (role === "postgres") throw new UserError("the superuser has no password", { hint: "Connect over the socket." });
  const password = randomBytes(32).toString("base64url");
  await client.query(`ALTER ROLE ${pg.escapeIdentifier(role)} PASSWORD ${pg.escapeLiteral(scramVerifier(password))}`);
  return password;
}

/** INT to the server itself is its fast shutdown: sessions end, data is written, the next start needs no recovery. */
async function shutDown(service: Service): Promise<void> {
  try {
    process.kill(service.pid, "SIGINT");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
  const limit = new Promise((resolve) => setTimeout(resolve, 20_000).unref());
  await Promise.race([service.exited, limit]);
  await service.stop();
}
