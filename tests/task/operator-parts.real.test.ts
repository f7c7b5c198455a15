import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { pythonBin, root } from "../../local/paths.ts";

type Raised = RegExp;

const whole = { conn_type: "postgres", host: "db", schema: "data", login: "loader", password: "4711-secret" };
const database = { host: "db", port: 5432, dbname: "data", user: "loader", password: "4711-secret" };
/** An environment variable of Airflow's, and what a load is told. */
const connections: [string, object | Raised][] = [
  [JSON.stringify(whole), database],
  ["postgres://loader:4711-secret@db:5433/data", { ...database, port: 5433 }],
  ...["disable", "allow", "prefer", "require", "verify-ca", "verify-full"].map((sslmode): [string, object] => [
    JSON.stringify({ ...whole, extra: { sslmode, sslrootcert: "/ca.pem" } }),
    { ...database, sslmode, sslrootcert: "/ca.pem" },
  ]),
  [JSON.stringify({ ...whole, extra: { sslmode: "on" } }), /'C\d+' can't be used: sslmode .* none of libpq's: disable, .* Correct it/],
  [JSON.stringify({ ...whole, extra: { sslmode: true } }), /sslmode in its extra is none of libpq's/],
  [JSON.stringify({ ...whole, extra: { sslrootcert: 5 } }), /sslrootcert in its extra is no path/],
  [JSON.stringify({ ...whole, extra: '{"sslmode": "verify-full"' }), /its extra is no JSON object/],
  [JSON.stringify({ ...whole, extra: '["verify-full"]' }), /its extra is no JSON object/],
  [JSON.stringify({ ...whole, password: null }), /it has no Password/],
  [JSON.stringify({ conn_type: "postgres" }), /it has no Host; it has no Database .*; it has no Login; it has no Password/],
  [JSON.stringify({ ...whole, port: 70_000 }), /its port is no number from 1 to 65535/],
  [JSON.stringify({ ...whole, port: "five" }), /no connection 'C\d+' that it can read.* the port must be a number/],
  ["{not JSON", /can't be used: it has no Host|no connection/],
];

/** The extra of a connection on a host that verifies, and the TLS that a load is told. */
const onVerifyingHost = { connection_sslmode: "verify-full", connection_sslrootcert: "/rds.pem" };
const verified: [object, object][] = [
  [{}, { sslmode: "verify-full", sslrootcert: "/rds.pem" }],
  [{ sslrootcert: "/own.pem" }, { sslmode: "verify-full", sslrootcert: "/own.pem" }],
  [{ sslmode: "verify-full" }, { sslmode: "verify-full", sslrootcert: "/rds.pem" }],
  [{ sslmode: "verify-ca" }, { sslmode: "verify-ca", sslrootcert: "/rds.pem" }],
  [{ sslmode: "require" }, { sslmode: "require" }],
  [{ sslmode: "disable" }, { sslmode: "disable" }],
  [
    { sslmode: "require", sslrootcert: "/own.pem" },
    { sslmode: "require", sslrootcert: "/own.pem" },
  ],
];

const output = { task: "extract_x", key: "k", sha256: "s", size: 1 };
const done = JSON.stringify({ state: "done", output });
const failed = { state: "failed", kind: "user", message: "no", hint: "" };
const forged = /^AirflowException: the task's process left a result that the runner did not write: /;
const results: [object, object | Raised][] = [
  [
    { kind: "extract", code: 0, text: done },
    { state: "done", output },
  ],
  [{ kind: "load", code: 1, text: JSON.stringify(failed) }, failed],
  [{ kind: "load", code: -9, text: JSON.stringify(failed) }, failed],
  [
    { kind: "extract", code: 99, text: '{"state":"skipped","reason":"r","no_data":true}' },
    { state: "skipped", reason: "r", no_data: true },
  ],
  ...[
    "",
    "{",
    "[]",
    "null",
    '"done"',
    "{}",
    '{"state":"done"}',
    '{"state":["done"]}',
    '{"state":"done","output":{"key":"k"}}',
    '{"state":"done","output":null}',
    '{"state":"done","load":{"load_id":"l","table":"t"}}',
    '{"state":"skipped"}',
    '{"state":"failed","kind":"user"}',
    '{"state":"other"}',
  ].map((text): [object, Raised] => [{ kind: "extract", code: 0, text }, forged]),
  [{ kind: "load", code: 0, text: done }, forged],
  [{ kind: "extract", code: -11, text: done }, /^AirflowException: the task's process said 'done', and then ended with signal SIGSEGV$/],
  [{ kind: "extract", code: 70, text: done }, /said 'done', and then ended with exit code 70$/],
  [{ kind: "extract", code: -6, out_of_heap: true }, /^AirflowFailException: the task used more than 160 MB of JavaScript memory. Stream /],
  [{ kind: "extract", code: -6 }, /^AirflowException: .* ended with signal SIGABRT and left no result/],
  [{ kind: "extract", code: -9 }, /^AirflowException: .* killed from outside \(SIGKILL\), as the kernel does .* up to 1234 MB/],
  [{ kind: "extract", code: -9, was_stopped: true }, /^AirflowException: the task was stopped$/],
  [{ kind: "extract", code: 1 }, /ended with exit code 1 and left no result/],
  [{ kind: "extract", code: -64 }, /ended with signal /],
];

const noReference =
  /^AirflowFailException: extract_b left no reference .* so load_x has nothing to read. Clear extract_b with all tasks below/;
const ofBoth = { tasks: ["extract_a", "extract_b"], map_index: -1 };
const references: [object, object | Raised][] = [
  [{ ...ofBoth, xcom: { "extract_a[-1]": { key: "a" }, "extract_b[-1]": { key: "b" } } }, [{ key: "a" }, { key: "b" }]],
  [{ ...ofBoth, xcom: { "extract_a[-1]": { key: "a" } } }, noReference],
  [{ ...ofBoth, xcom: { "extract_a[-1]": { key: "a" }, "extract_b[-1]": [] } }, noReference],
  [{ ...ofBoth, xcom: {} }, /^AirflowFailException: extract_a, extract_b left no reference/],
  [{ tasks: ["extract_a"], map_index: 3, xcom: { "extract_a[3]": { key: "a" } } }, [{ key: "a" }]],
  [{ tasks: ["extract_a"], map_index: 3, xcom: { "extract_a[2]": { key: "a" } } }, /extract_a \(map index 3\) left no reference/],
  [{ tasks: [], map_index: -1, xcom: {} }, []],
];

let answers: Record<string, unknown[]> = {};

test.before(() => {
  const home = mkdtempSync(join(tmpdir(), "dagline-operator-parts-"));
  const names = connections.map((_, index) => `C${index}`);
  const text = execFileSync(join(pythonBin, "python"), [join(import.meta.dirname, "operator-parts.py")], {
    input: JSON.stringify({
      connections: [...names, "NONE"],
      verified: verified.map((_, index) => ({ ...onVerifyingHost, connection: `V${index}` })),
      results: results.map(([given]) => given),
      references: references.map(([given]) => given),
    }),
    encoding: "utf8",
    stdio: ["pipe", "pipe", "ignore"],
    env: {
      PATH: process.env.PATH,
      PYTHONPATH: join(root, "airflow"),
      PYTHONWARNINGS: "ignore",
      AIRFLOW_HOME: home,
      ...Object.fromEntries(connections.map(([given], index) => [`AIRFLOW_CONN_C${index}`, given])),
      ...Object.fromEntries(verified.map(([extra], index) => [`AIRFLOW_CONN_V${index}`, JSON.stringify({ ...whole, extra })])),
    },
  });
  rmSync(home, { recursive: true, force: true });
  answers = JSON.parse(text.trim().split("\n").at(-1) ?? "") as Record<string, unknown[]>;
});

function compare(found: readonly unknown[] = [], cases: readonly (readonly [unknown, object | Raised])[]): void {
  for (const [index, [given, expected]] of cases.entries()) {
    const label = JSON.stringify(given);
    if (expected instanceof RegExp) assert.match(String(found[index]), expected, label);
    else assert.equal(found[index], expected, label);
  }
}

test("a load gets the connection as libpq reads it; one that is not whole is refused with what to set, and no value of it", () => {
  compare(answers.connections, connections);
  const raised = (answers.connections ?? []).filter((answer) => typeof answer === "string");
  assert.is(raised.filter((text) => text.startsWith("AirflowFailException: ")).length, raised.length);
  assert.match(String(raised.at(-1)), /Airflow has no connection 'NONE'/);
  assert.not.match(raised.join("\n"), /4711/);
});

test("a load verifies the server as the host says, unless the connection's extra says otherwise", () => {
  compare(
    answers.verified,
    verified.map(([extra, tls]) => [extra, { ...database, ...tls }]),
  );
});

test("a result that is not the runner's, or does not fit how the process ended, fails the task in words; so does none, with the likely reason", () => {
  compare(answers.results, results);
});

test("every input of a task is required: one that left nothing in XCom fails it with the task to clear", () => {
  compare(answers.references, references);
});

test.run();
