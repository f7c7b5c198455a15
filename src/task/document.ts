import { UserError } from "../errors.ts";
import { parseReleaseId, parseTaskId, type ReleaseId } from "../ids.ts";
import type { JsonValue } from "../scrape/model.ts";
import { parseStagedReference, type StagedReference } from "./staged-file.ts";

/** What the operator tells the runner on stdin: docs/architecture.md, "A task". */
export interface TaskDocument {
  readonly release: ReleaseId;
  readonly commit: string | null;
  /** Where the release lies on this machine. */
  readonly release_dir: string;
  readonly dag: string;
  readonly task: string;
  readonly run_id: string;
  /** -1 for a task that is not mapped. */
  readonly map_index: number;
  readonly try_number: number;
  /** ISO 8601; null for a run on demand. */
  readonly logical_date: string | null;
  readonly run_after: string;
  readonly data_interval: { readonly start: string; readonly end: string } | null;
  readonly params: Readonly<Record<string, JsonValue>>;
  /** `YYYY-MM` of a DAG with each_month. */
  readonly month: string | null;
  readonly upstream: readonly StagedReference[];
  /** For a load: what the tasks staged that compare with it; they need not be right above it. */
  readonly confirms: readonly StagedReference[];
  /** What the task has staged: only to be compared with what was loaded. Then the task's function has run already. */
  readonly compare: StagedReference | null;
  readonly staging: { readonly bucket: string; readonly prefix: string; readonly region: string; readonly endpoint: string | null };
  /** Only for a load and a comparison. */
  readonly database: DatabaseAddress | null;
  /** Origins of URLs that another address stands in for. */
  readonly origins: Readonly<Record<string, string>>;
  readonly result_file: string;
}

export interface DatabaseAddress {
  readonly host: string;
  readonly port: number;
  readonly dbname: string;
  readonly user: string;
  readonly password: string;
  /** libpq's words; without it: no TLS to this machine, TLS to any other. */
  readonly sslmode?: SslMode;
  /** The path of a file with the certificate authorities to trust; `system` for those of the machine. */
  readonly sslrootcert?: string;
}

const sslModes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;
export type SslMode = (typeof sslModes)[number];

/** Reads the document. Throws a UserError that names the member that is wrong; never shows a value, for one is a password. */
export function parseTaskDocument(text: string): TaskDocument {
  const value = parseJson(text);
  if (value === undefined)
    throw new UserError("the task document on stdin is not JSON", { hint: "run-task.mjs is started by DaglineOperator, not by hand." });
  const member = reader(value, "");
  if (member("version", "number") !== 1)
    throw new UserError("the task document has another version than this runner", { hint: "Bring the host package up to date." });
  return {
    release: parseReleaseId(member("release", "string")),
    commit: member.optional("commit", "string"),
    release_dir: member("release_dir", "string"),
    dag: parseTaskId(member("dag", "string")),
    task: parseTaskId(member("task", "string")),
    run_id: member("run_id", "string"),
    map_index: member("map_index", "number"),
    try_number: member("try_number", "number"),
    logical_date: member.optional("logical_date", "string"),
    run_after: member("run_after", "string"),
    data_interval: interval(member.optional("data_interval", "object")),
    params: member("params", "object") as Record<string, JsonValue>,
    month: member.optional("month", "string"),
    upstream: references(member("upstream", "object"), "upstream"),
    confirms: references(member("confirms", "object"), "confirms"),
    compare: comparison(member.optional("compare", "object")),
    staging: staging(member("staging", "object")),
    database: database(member.optional("database", "object")),
    origins: member("origins", "object") as Record<string, string>,
    result_file: member("result_file", "string"),
  };
}

/** Where the operator looks for the result, also of a document that is wrong elsewhere; undefined where that can't be told. */
export function resultFileOf(text: string): string | undefined {
  const file = (parseJson(text) as { result_file?: unknown } | null | undefined)?.result_file;
  return typeof file === "string" ? file : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, and with it the password.
    return undefined;
  }
}

function references(value: object, name: string): StagedReference[] {
  if (!Array.isArray(value)) throw wrong(name);
  return value.map(parseStagedReference);
}

function comparison(value: object | null): StagedReference | null {
  return value === null ? null : parseStagedReference(value);
}

function interval(value: object | null): TaskDocument["data_interval"] {
  if (value === null) return null;
  const member = reader(value, "data_interval.");
  return { start: member("start", "string"), end: member("end", "string") };
}

function staging(value: object): TaskDocument["staging"] {
  const member = reader(value, "staging.");
  return {
    bucket: member("bucket", "string"),
    prefix: member("prefix", "string"),
    region: member("region", "string"),
    endpoint: member.optional("endpoint", "string"),
  };
}

function database(value: object | null): DatabaseAddress | null {
  if (value === null) return null;
  const member = reader(value, "database.");
  const word = member.optional("sslmode", "string");
  const sslmode = sslModes.find((mode) => mode === word);
  if (word !== null && sslmode === undefined) throw wrong("database.sslmode");
  const sslrootcert = member.optional("sslrootcert", "string");
  return {
    host: member("host", "string"),
    port: member("port", "number"),
    dbname: member("dbname", "string"),
    user: member("user", "string"),
    password: member("password", "string"),
    ...(sslmode === undefined ? {} : { sslmode }),
    ...(sslrootcert === null ? {} : { sslrootcert }),
  };
}

interface TypeNames {
  readonly string: string;
  readonly number: number;
  readonly object: object;
}

interface Reader {
  <T extends keyof TypeNames>(name: string, type: T): TypeNames[T];
  optional<T extends keyof TypeNames>(name: string, type: T): TypeNames[T] | null;
}

function reader(value: unknown, path: string): Reader {
  if (typeof value !== "object" || value === null) throw wrong(path === "" ? "the whole" : path);
  const members = value as Record<string, unknown>;
  const optional = <T extends keyof TypeNames>(name: string, type: T): TypeNames[T] | null => {
    const found = members[name] ?? null;
    if (found !== null && typeof found !== type) throw wrong(path + name);
    return found as TypeNames[T] | null;
  };
  const required = <T extends keyof TypeNames>(name: string, type: T): TypeNames[T] => {
    const found = optional(name, type);
    if (found === null) throw wrong(path + name);
    return found;
  };
  return Object.assign(required, { optional });
}

function wrong(path: string): UserError {
  return new UserError(`the task document is wrong at ${path}`, { hint: "Do the host package and the release fit together?" });
}
