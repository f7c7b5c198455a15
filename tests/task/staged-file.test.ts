import { test } from "uvu";
import * as assert from "uvu/assert";
import { sha256 } from "../../src/ids.ts";
import { nameStagedFile, parseStagedKey, printStagedKey } from "../../src/task/staged-file.ts";

const run = {
  dag: "taxi_zones",
  task: "extract_zones",
  run_id: "scheduled__2023-01-29",
  map_index: -1,
  logical_date: "2023-01-29T09:00:00+01:00",
  run_after: "2023-02-28T09:00:00Z",
  sha256: sha256("a\n1\n"),
  extension: "csv.gz",
};

test("a key is read back as it was printed, and names the DAG, the task, the time and the content", () => {
  const name = nameStagedFile(run);
  const key = printStagedKey(name);
  assert.match(key, /^staging\/taxi_zones\/extract_zones\/[0-9a-f]{16}\/taxi_zones_extract_zones_20230129T080000Z_[0-9a-f]{16}\.csv\.gz$/);
  assert.equal(parseStagedKey(key), name);
  assert.is(name.content, run.sha256.slice(0, 16));
});

test("a key of before the content was in it is still read", () => {
  const key = "staging/d/t/0123456789abcdef/d_t_20230129T090000Z.csv";
  const name = parseStagedKey(key);
  assert.equal([name.content, name.timestamp, name.extension], [null, "20230129T090000Z", "csv"]);
  assert.is(printStagedKey(name), key);
});

test("what is not a staged file's key is refused", () => {
  for (const key of [
    "staging/d/t/0123456789abcdef/d_x_20230129T090000Z.csv",
    "staging/d/t/0123456789abcdef/d_t_20230129T090000Z_short.csv",
    "staging/d/t/0123456789abcdef/d_t_20230129T090000Z_0123456789ABCDEF.csv",
    "staging/d/t/../d_t_20230129T090000Z.csv",
    "confirmed/d/t/l",
  ])
    assert.throws(() => parseStagedKey(key), /not the key of a staged file/);
});

test.run();
