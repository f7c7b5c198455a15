import { TransientError, UserError } from "../errors.ts";

/** DuckDB's errors have no class and no code: their type is the first word of the message (ExceptionTypeToString in its exception.cpp). */
const duckdb =
  /^(Out of Range|Conversion|Decimal|Mismatch Type|Divide by Zero|Object Size|Invalid type|Serialization|TransactionContext|Not implemented|Expression|Catalog|Parser|Planner|Constraint|Connection|Syntax|Settings|Binder|IO|Invalid Input|Out of Memory|Permission|Parameter Not Resolved|Parameter Not Allowed|Dependency|Missing Extension|HTTP|Extension Autoloading|Sequence|Invalid Configuration) Error: /;

/** V8's and Node's words for a value that is larger than any may be, whatever the heap's limit. */
const tooLarge = new Set(["ERR_STRING_TOO_LONG", "ERR_FS_FILE_TOO_LARGE", "ERR_BUFFER_TOO_LARGE"]);
const tooLargeWords = /^(Array buffer allocation failed|Invalid string length)/;

const STREAM = "Stream the data instead of holding it (`pipeline`), or have DuckDB read and write the files.";

/**
 * An error that a function's tools throw at it, where its kind can be told: memory, and what DuckDB says of data, SQL and files.
 * undefined for any other: the function's own, a bug of it for all that is known.
 */
export function explainFunctionError(error: Error): UserError | TransientError | undefined {
  const code = "code" in error ? String(error.code) : "";
  if (code === "ERR_WORKER_OUT_OF_MEMORY")
    return new UserError(`a worker of the function ran out of its memory: ${error.message}`, { hint: STREAM, cause: error });
  if (tooLarge.has(code) || tooLargeWords.test(error.message))
    return new UserError(`the function holds more in memory than it can: ${error.message}`, { hint: STREAM, cause: error });
  const type = error.name === "Error" ? duckdb.exec(error.message)?.[1] : undefined;
  if (type === undefined) return undefined;
  const message = `DuckDB: ${error.message}`;
  if (type === "Out of Memory") {
    const hint = "Set `temp_directory`, so that DuckDB can spill to the disk, fewer `threads`, or a larger `memory_limit` in the function.";
    return new UserError(message, { hint, cause: error });
  }
  if (passes(type, error.message)) return new TransientError(message, { hint: "Trying again helps.", cause: error });
  return new UserError(message, {
    hint: "The same SQL on the same files fails the same way: mend the function, or its input.",
    cause: error,
  });
}

/** A server that is away or busy, when DuckDB reads from one. */
function passes(type: string, message: string): boolean {
  if (type === "HTTP") return !/\bHTTP (code )?4(?!29|08)\d\d\b/.test(message);
  return type === "Connection" || /could not establish connection|connection error|timed? ?out/i.test(message);
}
