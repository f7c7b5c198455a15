import { DuckDBInstance } from "@duckdb/node-api";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { TransientError, UserError } from "../../src/errors.ts";
import { describeFailure } from "../../src/task/failure.ts";

const system = (code: string, message = `${code}: as Node says it`): Error => Object.assign(new Error(message), { code });
const wrapped = (cause: Error): Error => new TypeError("fetch failed", { cause });

test("each kind of error is told as what it is: a person's to mend, one that passes, or a bug", () => {
  const cases: [unknown, "user" | "transient" | "bug", RegExp, RegExp?][] = [
    [new UserError("no such month", { hint: "Write 2023-01." }), "user", /^no such month$/, /^Write 2023-01\.$/],
    [new TransientError("busy"), "transient", /^busy$/],
    [Object.assign(new Error("of a bundle's own class"), { name: "UserError" }), "user", /own class/],
    [new TypeError("x is not a function"), "bug", /^x is not a function$/],
    ["text", "bug", /no Error was thrown: text/],

    [system("ENOSPC"), "transient", /^the disk is full: /, /Make room .*TMPDIR/],
    [system("EDQUOT"), "transient", /^the disk quota is used up: /, /Make room/],
    [system("EFBIG"), "transient", /larger than the host allows/, /Make room/],
    [system("EMFILE"), "transient", /^too many files are open: /, /ulimit/],
    [system("ENFILE"), "transient", /^the machine has too many open files: /],
    [system("EIO"), "transient", /^the disk fails: /, /dmesg/],
    [system("EROFS"), "user", /^the disk is read-only: /, /Write elsewhere/],
    [new Error("the write failed", { cause: system("ENOSPC") }), "transient", /^the disk is full: /],
    [new Error("database or disk is full"), "transient", /^the disk is full: /],
    [new Error('IO Error: Could not write file "/x": No space left on device'), "transient", /^the disk is full: /],
    [system("ENOENT", "ENOENT: no such file or directory, open '/x'"), "bug", /^ENOENT: no such file/],

    [wrapped(system("ECONNREFUSED", "connect ECONNREFUSED 127.0.0.1:9")), "transient", /^fetch failed: connect ECONNREFUSED/],
    [
      wrapped(new AggregateError([system("ENETUNREACH", "connect ENETUNREACH ::1:9")], "")),
      "transient",
      /^fetch failed: connect ENETUNREACH/,
    ],
    [wrapped(system("UND_ERR_SOCKET", "other side closed")), "transient", /^fetch failed: other side closed$/],
    [wrapped(system("EAI_AGAIN")), "transient", /EAI_AGAIN/],
    [new Error("terminated"), "transient", /^terminated$/],
    [wrapped(system("CERT_HAS_EXPIRED", "certificate has expired")), "user", /certificate has expired$/, /NODE_EXTRA_CA_CERTS/],
    [wrapped(system("UNABLE_TO_VERIFY_LEAF_SIGNATURE")), "user", /UNABLE_TO_VERIFY/, /not trusted/],

    [system("ERR_STRING_TOO_LONG", "Cannot create a string longer than 0x1fffffe8 characters"), "user", /holds more in memory/, /Stream/],
    [system("ERR_FS_FILE_TOO_LARGE", "File size (3221225472) is greater than 2 GiB"), "user", /holds more in memory/],
    [system("ERR_WORKER_OUT_OF_MEMORY", "Worker terminated due to reaching memory limit"), "user", /a worker .* ran out of its memory/],
    [new RangeError("Array buffer allocation failed"), "user", /holds more in memory/],
    [new RangeError("Invalid string length"), "user", /holds more in memory/],
    [new RangeError("Invalid array length"), "bug", /^Invalid array length$/],

    [new Error("HTTP Error: HTTP GET error on 'https://x/y' (HTTP 404)"), "user", /^DuckDB: HTTP Error/],
    [new Error("HTTP Error: HTTP GET error on 'https://x/y' (HTTP 503)"), "transient", /^DuckDB: HTTP Error/],
    [new Error("IO Error: Could not establish connection error for HTTP GET to 'https://x/y'"), "transient", /^DuckDB: IO Error/],
    [new Error("INTERNAL Error: assertion failed"), "bug", /^INTERNAL/],
  ];
  for (const [error, kind, message, hint] of cases) {
    const { result, code } = describeFailure(error);
    assert.is(result.kind, kind, String(error));
    assert.is(code, { user: 1, transient: 3, bug: 70 }[kind], String(error));
    assert.match(result.message, message);
    if (hint !== undefined) assert.match(result.hint, hint);
  }
});

test("what DuckDB says of SQL, data and files is a person's to mend", async () => {
  const instance = await DuckDBInstance.create(":memory:", { memory_limit: "20MB", threads: "1" });
  const connection = await instance.connect();
  const cases: [string, RegExp, RegExp][] = [
    ["SELECT 'x'::INTEGER", /^DuckDB: Conversion Error: Could not convert string 'x'/, /mend the function/],
    ["FROM read_csv('/nowhere/x.csv')", /^DuckDB: IO Error: No files found/, /or its input/],
    ["SELECT nothing", /^DuckDB: Binder Error/, /mend/],
    ["SELEC", /^DuckDB: Parser Error/, /mend/],
    [`FROM read_parquet('${import.meta.filename}')`, /^DuckDB: Invalid Input Error: No magic bytes/, /mend/],
    ["SET temp_directory = ''; SELECT list(range) FROM range(100000000)", /^DuckDB: Out of Memory Error/, /temp_directory.*memory_limit/],
  ];
  try {
    for (const [sql, message, hint] of cases) {
      const { result } = describeFailure(
        await connection.run(sql).then(
          () => undefined,
          (error: unknown) => error,
        ),
      );
      assert.is(result.kind, "user", sql);
      assert.match(result.message, message);
      assert.match(result.hint, hint);
    }
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
});

test("an error of the function's own code is logged with its place, then what to do", () => {
  const { text } = describeFailure(new RangeError("Invalid string length"));
  assert.match(text, /^RangeError: Invalid string length\n {4}at [\s\S]*\nthe function holds more .*\nStream the data/);
});

test("a message and a hint of any length stay short in Airflow", () => {
  const { result } = describeFailure(new UserError("m".repeat(1e6), { hint: "h".repeat(1e6) }));
  assert.ok(JSON.stringify(result).length < 21_000);
});

test.run();
