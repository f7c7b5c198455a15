import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import type { LoadDatabase } from "../load/database.ts";
import { explainPostgresError, type Server } from "./postgres-errors.ts";

export interface PostgresSettings {
  /** A name or address, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly dbname: string;
  readonly user: string;
  /** null over a socket that knows who we are. */
  readonly password: string | null;
  /** Default: no TLS on this machine, TLS (`require`) to any other. */
  readonly sslmode?: "disable" | "require" | "verify-full";
}

const CONNECT_TIMEOUT_MS = 15_000;

/** Connects, with pg. Throws TransientError when the server does not answer, UserError when it refuses; the password is in no message. */
export async function connectPostgres(settings: PostgresSettings): Promise<LoadDatabase> {
  const server: Server = { host: settings.host, port: settings.port, dbname: settings.dbname, user: settings.user };
  const client = new pg.Client({
    host: settings.host,
    port: settings.port,
    database: settings.dbname,
    user: settings.user,
    ...(settings.password === null ? {} : { password: settings.password }),
    ssl: tlsOf(settings),
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: "dagline",
    client_encoding: "UTF8",
  });
  // A connection that breaks while nothing waits for it is told by the next query.
  client.on("error", () => undefined);
  await explained(server, () => client.connect());
  return {
    query: <Row extends object>(sql: string, values?: readonly unknown[]) =>
      explained(server, async () => {
        const { rows, rowCount } = await client.query<Row>(sql, values === undefined ? undefined : [...values]);
        return { rows, rowCount: rowCount ?? 0 };
      }),
    copyFrom: (sql: string, source: Readable) =>
      explained(server, async () => {
        const copy = client.query(copyFrom(sql));
        await pipeline(source, copy);
        return copy.rowCount;
      }),
    abort: () => {
      client.connection.stream.destroy();
    },
    end: () => client.end(),
  };
}

function tlsOf({ host, sslmode }: PostgresSettings): boolean | { rejectUnauthorized: boolean } {
  const isHere = host.startsWith("/") || host === "localhost" || host === "::1" || host.startsWith("127.");
  switch (sslmode ?? (isHere ? "disable" : "require")) {
    case "disable":
      return false;
    case "require":
      return { rejectUnauthorized: false };
    case "verify-full":
      return { rejectUnauthorized: true };
  }
}

async function explained<T>(server: Server, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw explainPostgresError(error, server);
  }
}
