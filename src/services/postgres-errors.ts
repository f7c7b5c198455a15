import { TransientError, UserError } from "../errors.ts";
import { DataError } from "../load/database.ts";

export interface Server {
  readonly host: string;
  readonly port: number;
  readonly dbname: string;
  readonly user: string;
}

/** The network's errors that pass, as Node names them. */
const networkCodes = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EPIPE",
  "ENOENT",
]);
/** What pg says, without any code, when the connection breaks or does not come about. */
const lostConnection = /Connection terminated|timeout expired|Client has encountered a connection error|Client was closed|not queryable/;

/**
 * An error of pg as a person should see it: https://www.postgresql.org/docs/current/errcodes-appendix.html
 * Anything unknown is passed on as it is: it is a bug.
 */
export function explainPostgresError(error: unknown, server: Server): unknown {
  if (!(error instanceof Error)) return error;
  const where = `PostgreSQL at ${server.host}:${server.port}`;
  const code = "code" in error ? String(error.code) : "";
  const fail = (message: string, hint: string): UserError => new UserError(message, { hint, cause: error });
  const later = (message: string, hint: string): TransientError => new TransientError(message, { hint, cause: error });

  if (error.name === "AggregateError" || networkCodes.has(code) || lostConnection.test(error.message)) {
    if ("syscall" in error && ["open", "read", "stat"].includes(String(error.syscall)) && code === "ENOENT") return error;
    const why = code === "" ? error.message : code;
    return later(`${where} cannot be reached, or the connection broke (${why})`, "Is it running, and do the host, port and firewall fit?");
  }
  if (error.message === "The server does not support SSL connections") {
    return fail(`${where} does not speak TLS`, "Turn TLS on at the server, or set sslmode to disable in the connection.");
  }
  if (/password must be a string|no password/i.test(error.message) || code === "28P01") {
    return fail(`${where} does not accept the password of user ${server.user}`, "Correct the password in the Airflow connection.");
  }
  switch (code) {
    case "28000":
      return fail(`${where} does not let user ${server.user} log in: ${error.message}`, "Check the user, and pg_hba.conf at the server.");
    case "3D000":
      return fail(`${where} has no database ${JSON.stringify(server.dbname)}`, "Create it, or correct the Airflow connection.");
    case "42501":
      return fail(
        `${where}: user ${server.user} may not do this: ${error.message}`,
        "Grant it, or let the loader own the schema and its tables.",
      );
    case "55P03":
      return later(`${where}: another session holds a lock for too long`, "Another load or query uses the table; try again later.");
    case "53100":
      return later(`${where} has no disk space left`, "Make room on its disk; nothing of this load was kept.");
    case "53300":
      return later(`${where} has no connection left`, "Try again, or raise max_connections.");
  }
  // A constraint that somebody gave to the table: dagline makes none but the key of an upsert.
  if (code.startsWith("23")) return fail(`${where}: ${error.message}`, "The table has a constraint that the rows do not meet.");
  // Serialization and deadlock, connection, resources, shutdown.
  if (/^(40|08|53|57)/.test(code)) return later(`${where}: ${error.message}`, "Try again later.");
  if (code.startsWith("22")) return new DataError(error.message, lineOf(error), error);
  return error;
}

/** `COPY trips, line 3, column fare: "x"` */
function lineOf(error: Error): number | null {
  const context = "where" in error ? String(error.where) : "";
  const match = /, line (\d+)/.exec(context);
  return match ? Number(match[1]) : null;
}
