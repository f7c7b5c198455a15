import { test } from "uvu";
import * as assert from "uvu/assert";
import { UserError } from "../../src/errors.ts";
import { parseTaskDocument } from "../../src/task/document.ts";

const reference = {
  task: "extract_x",
  key: "staging/demo/extract_x/0123456789abcdef/demo_extract_x_20230129T090000Z.csv",
  sha256: "a".repeat(64),
  size: 1,
  rows: 2,
  rows_digest: null,
};
const document = {
  version: 1,
  release: "0".repeat(64),
  commit: null,
  release_dir: "/releases/0",
  dag: "demo",
  task: "load_x",
  run_id: "manual__1",
  map_index: -1,
  try_number: 1,
  logical_date: null,
  run_after: "2023-01-29T09:00:00Z",
  data_interval: null,
  params: {},
  month: null,
  upstream: [reference],
  confirms: [],
  compare: null,
  staging: { bucket: "staging", prefix: "", region: "eu-west-2", endpoint: null },
  database: { host: "127.0.0.1", port: 5432, dbname: "data", user: "loader", password: "a-secret" },
  origins: {},
  result_file: "/tmp/result.json",
};

test("a whole document is read as it stands", () => {
  const { version: _, ...rest } = document;
  assert.equal(parseTaskDocument(JSON.stringify(document)), rest);
});

test("a member that is wrong or missing is named", () => {
  const cases: [object, RegExp][] = [
    [{ version: 2 }, /another version/],
    [{ release: "short" }, /not a release id/],
    [{ task: "../x" }, /not a task id/],
    [{ run_id: undefined }, /wrong at run_id/],
    [{ upstream: {} }, /wrong at upstream/],
    [{ upstream: [null] }, /no reference to a staged file/],
    [{ upstream: [{ ...reference, key: "../../etc/passwd" }] }, /not the key of a staged file/],
    [{ upstream: [{ ...reference, task: "../extract_x" }] }, /says that it is of the task/],
    [{ staging: { bucket: 1 } }, /wrong at staging\.bucket/],
    [{ database: { ...document.database, port: "5432" } }, /wrong at database\.port/],
    [{ database: { ...document.database, sslmode: "on" } }, /wrong at database\.sslmode/],
  ];
  for (const [change, message] of cases) assert.match(messageOf(JSON.stringify({ ...document, ...change })), message);
});

test("no error shows the document, for it holds a password", () => {
  const text = JSON.stringify(document);
  for (const cut of [text.slice(0, -1), text.replace('"a-secret"', "a-secret"), "[]", "null", '"a-secret"', ""]) {
    assert.not.match(messageOf(cut), /a-secret/);
  }
});

function messageOf(text: string): string {
  try {
    parseTaskDocument(text);
  } catch (error) {
    assert.instance(error, UserError);
    return (error as UserError).message;
  }
  assert.unreachable(text);
  return "";
}

test.run();
