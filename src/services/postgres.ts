import pg from "pg";
import type { LoadDatabase } from "../load/database.ts";
import type { SslMode } from "../task/document.ts";
import { copyIn } from "./postgres-copy.ts";
import { explainPostgresError, type Server } from "./postgres-errors.ts";
import { connectByTls, type Tls } from "./postgres-tls.ts";

export interface PostgresSettings {
  /** A name or address, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly dbname: string;
  readonly user: string;
  /** null over a socket that knows who we are. */
  readonly password: string | null;
  /** Default: no TLS on this machine, TLS (`require`) to any other. */
  readonly sslmode?: SslMode;
  /** As libpq has it: the path of a file of certificate authorities, or `system`. */
  readonly sslrootcert?: string;
}

const CONNECT_TIMEOUT_MS = 15_000;

/** Connects, with pg. Throws TransientError when the server does not answer, UserError when it refuses; the password is in no message. */
export async function connectPostgres(settings: PostgresSettings): Promise<LoadDatabase> {
  const server: Server = { host: settings.host, port: settings.port, dbname: settings.dbname, user: settings.user };
  const connectWith = (ssl: Tls): Promise<pg.Client> => explained(server, () => connectClient(settings, ssl));
  const client = await connectByTls(settings, connectWith);
  return {
    query: <Row extends object>(sql: string, values?: readonly unknown[]) =>
      explained(server, async () => {
        const { rows, rowCount } = await client.query<Row>(sql, values === undefined ? undefined : [...values]);
        return { rows, rowCount: rowCount ?? 0 };
      }),
    copyFrom: (sql, source) => explained(server, () => copyIn(client, sql, source)),
    abort: () => {
      client.connection.stream.destroy();
    },
    end: () => client.end(),
  };
}

async function connectClient(settings: PostgresSettings, ssl: Tls): Promise<pg.Client> {
  const client = new pg.Client({
    host: settings.host,
    port: settings.port,
    database: settings.dbname,
    user: settings.user,
    ...(settings.password === null ? {} : { password: settings.password }),
    ssl,
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: "dagline",
    client_encoding: "UTF8",
  });
  // A connection that breaks while nothing waits for it is told by the next query.
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

async function explained<T>(server: Server, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw explainPostgresError(error, server);
  }
}
