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

/** A SQLSTATE of the server: two characters of class, three more. Node's own codes (`EPIPE`, `ERR_…`) are no SQLSTATEs. */
const sqlState = /^(?!E[A-Z]{4}$)[0-9A-Z]{5}$/;

/**
 * The classes whose errors pass by themselves: PostgreSQL, "Appendix A. PostgreSQL Error Codes".
 * 08 connection, 25 transaction state (a standby after a failover, a time limit), 40 rollback (deadlock, serialization), 53 resources, 55 an object in use,
 * 57 operator intervention (shutdown, cancel), 58 the server's own system, 72 snapshot, XX internal ("tuple concurrently updated" is one).
 */
const passingClasses = new Set(["08", "25", "40", "53", "55", "57", "58", "72", "XX"]);

/**
 * An error of pg as a person should see it. Whatever the server says is either a reason to try again (by its class), a row that does not fit (class 22,
 * a DataError), or somebody's to mend: then with PostgreSQL's own detail and hint. An error that is not the server's is passed on: it is a bug.
 */
export function explainPostgresError(error: unknown, server: Server): unknown {
  if (!(error instanceof Error)) return error;
  const where = `PostgreSQL at ${server.host}:${server.port}`;
  const code = "code" in error ? String(error.code) : "";
  const fail = (message: string, hint: string): UserError => new UserError(message, { hint, cause: error });

  if (error.name === "AggregateError" || networkCodes.has(code) || lostConnection.test(error.message)) {
    if ("syscall" in error && ["open", "read", "stat"].includes(String(error.syscall)) && code === "ENOENT") return error;
    const why = code === "" ? error.message : code;
    return new TransientError(`${where} cannot be reached, or the connection broke (${why})`, {
      hint: "Is it running, and do the host, port and firewall fit?",
      cause: error,
    });
  }
  if (error.message === "The server does not support SSL connections") {
    return fail(`${where} does not speak TLS`, "Turn TLS on at the server, or set sslmode to disable in the connection.");
  }
  if (/password must be a string|no password/i.test(error.message) || code === "28P01") {
    return fail(`${where} does not accept the password of user ${server.user}`, "Correct the password in the Airflow connection.");
  }
  if (!sqlState.test(code)) return error;
  if (code.startsWith("22")) return new DataError(error.message, lineOf(error), error);
  return code === "28000" || !passingClasses.has(code.slice(0, 2))
    ? explainRefusal(error, code, where, server)
    : new TransientError(`${where}: ${transientReasons[code] ?? withDetail(error)}`, {
        hint: transientHints[code] ?? "Try again later.",
        cause: error,
      });
}

const transientReasons: Readonly<Record<string, string>> = {
  "25006": "it takes no writes now",
  "25P04": "the transaction took longer than transaction_timeout allows",
  "53100": "no disk space is left",
  "53300": "no connection is left",
  "55P03": "another session holds a lock for too long",
};

const transientHints: Readonly<Record<string, string>> = {
  "25006": "It is a standby, or was made read-only. After a failover, the connection's host must lead to the new primary.",
  "25P04": "Raise transaction_timeout for the role that loads.",
  "53100": "Make room on its disk; nothing of this load was kept.",
  "53300": "Try again, or raise max_connections.",
  "55P03": "Another load or query uses the table; try again later.",
};

/** What a person has to mend: rights, constraints, limits, objects that are in the way, and whatever a trigger of the table raises. */
function explainRefusal(error: Error, code: string, where: string, server: Server): UserError {
  const fail = (message: string, hint: string): UserError => new UserError(message, { hint, cause: error });
  const said = `${where}: ${withDetail(error)}`;
  switch (code) {
    case "28000":
      return fail(`${where} does not let user ${server.user} log in: ${error.message}`, "Check the user, and pg_hba.conf at the server.");
    case "3D000":
      return fail(`${where} has no database ${JSON.stringify(server.dbname)}`, "Create it, or correct the Airflow connection.");
    case "42501":
      return fail(
        `${where}: user ${server.user} may not do this: ${withDetail(error)}`,
        "Grant it, or let the loader own the schema and its tables.",
      );
    case "54000":
      if (/^index row (size|requires)/.test(error.message)) {
        return fail(
          `${where}: a value is too long for an index (at most 2,704 bytes): ${error.message}`,
          "Choose a shorter key, for example a digest of the value that the transform computes, or drop the index.",
        );
      }
      break;
    case "54011":
      return fail(said, "PostgreSQL's tables hold at most 1,600 columns: load fewer fields, or several tables.");
  }
  // A constraint that somebody gave to the table: dagline makes none but the key of an upsert.
  if (code.startsWith("23")) return fail(said, constraintHint(error));
  return fail(said, partOf(error, "hint") || "Look at the table in the database: something of it does not go with this load.");
}

function constraintHint(error: Error): string {
  const name = partOf(error, "constraint");
  if (name === "") return "The table has a constraint that the rows do not meet.";
  const place = [partOf(error, "schema"), partOf(error, "table")].filter((part) => part !== "").join(".");
  return `The rows do not meet ${JSON.stringify(name)} of ${place || "the table"}. Correct the rows, or drop it if nobody needs it.`;
}

/** PostgreSQL's message with its DETAIL: which view, which key, which column. */
function withDetail(error: Error): string {
  const detail = partOf(error, "detail");
  return detail === "" ? error.message : `${error.message} (${detail.replaceAll(/\s+/g, " ").slice(0, 500)})`;
}

/** A field of the server's error message (PostgreSQL, "Error and Notice Message Fields"); empty when it has none. */
function partOf(error: Error, name: "constraint" | "detail" | "hint" | "schema" | "table"): string {
  const value: unknown = Reflect.get(error, name);
  return typeof value === "string" ? value : "";
}

/** `COPY trips, line 3, column fare: "x"`; the words are in the server's language. */
function lineOf(error: Error): number | null {
  const context = "where" in error ? String(error.where) : "";
  const match = /^COPY .*?, \D{1,20}(\d+)/m.exec(context);
  return match ? Number(match[1]) : null;
}
