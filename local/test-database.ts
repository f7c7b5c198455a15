import { randomBytes } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { startPostgres } from "./postgres.ts";

/** A database of one test file's own, empty at first, on a real PostgreSQL. */
export interface TestDatabase {
  /** Over the server's socket, as the role that loads; it has no password there. */
  readonly address: { readonly host: string; readonly port: number; readonly dbname: string; readonly user: string; readonly password: "" };
  /** All rows of a table in order, or those of one load, each value as PostgreSQL prints it. */
  rows(table: string, loadId?: string): Promise<Record<string, string | null>[]>;
  /** Drops the database, and ends the server when it was started for it. */
  close(): Promise<void>;
}

/** On the server that the runner of many test files has started (`DAGLINE_TEST_SOCKET`), or else on one of its own. */
export async function openTestDatabase(env: NodeJS.ProcessEnv = process.env): Promise<TestDatabase> {
  const server =
    env.DAGLINE_TEST_SOCKET === undefined ? await ownServer() : sharedServer(env.DAGLINE_TEST_SOCKET, Number(env.DAGLINE_TEST_PORT));
  const { host, port } = server;
  const dbname = `test_${randomBytes(8).toString("hex")}`;
  try {
    const admin = await connect({ host, port, database: "postgres", user: "postgres" });
    await admin.query(`CREATE DATABASE ${dbname} OWNER dagline_loader`).finally(() => admin.end());
    const reader = await connect({ host, port, database: dbname, user: "dagline_loader" });
    return {
      address: { host, port, dbname, user: "dagline_loader", password: "" },
      rows: (table, loadId) => rowsOf(reader, table, loadId),
      async close() {
        await reader.end();
        const dropper = await connect({ host, port, database: "postgres", user: "postgres" });
        await dropper.query(`DROP DATABASE ${dbname} WITH (FORCE)`).finally(() => dropper.end());
        await server.stop();
      },
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

interface Server {
  readonly host: string;
  readonly port: number;
  stop(): Promise<void>;
}

function sharedServer(host: string, port: number): Server {
  return { host, port, stop: async () => {} };
}

async function ownServer(): Promise<Server> {
  const dir = await mkdtemp(join(tmpdir(), "dagline-testkit-"));
  const server = await startPostgres({ dir, settings: { fsync: "off" } });
  const abandon = (): void => {
    // An immediate shutdown: nobody will ask for this data again. The server takes its pid file away last.
    process.kill(server.service.pid, "SIGQUIT");
    const pause = new Int32Array(new SharedArrayBuffer(4));
    for (let tries = 0; tries < 150 && existsSync(join(dir, "postgres", "postmaster.pid")); tries++) Atomics.wait(pause, 0, 0, 20);
    for (const path of [dir, server.socketDir]) rmSync(path, { recursive: true, force: true });
  };
  const leave = (): void => process.exit(130);
  // A test file that is stopped or that crashes never comes to its `after`.
  process.once("exit", abandon).once("SIGINT", leave).once("SIGTERM", leave);
  return {
    host: server.socketDir,
    port: server.port,
    async stop() {
      process.off("exit", abandon).off("SIGINT", leave).off("SIGTERM", leave);
      await server.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function connect(config: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client(config);
  await client.connect();
  return client;
}

async function rowsOf(client: pg.Client, table: string, loadId: string | undefined): Promise<Record<string, string | null>[]> {
  const only = loadId === undefined ? "" : "WHERE _load_id = $1";
  const { rows } = await client.query<Record<string, string | null>>({
    text: `SELECT * FROM ${pg.escapeIdentifier(table)} AS t ${only} ORDER BY t`,
    values: loadId === undefined ? [] : [loadId],
    types: { getTypeParser: () => (value: string) => value },
  });
  return rows;
}
