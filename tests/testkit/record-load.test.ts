import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseRecordedLoads } from "../../src/plan/recorded-loads.ts";
import { RECORD_VARIABLE, recordLoad } from "../../src/testkit/record-load.ts";

const temp = mkdtempSync(join(tmpdir(), "dagline-record-"));
const load = { dag: "d", task: "l", table: "t", columns: ["id"] };

test.after.each(() => {
  delete process.env[RECORD_VARIABLE];
});
test.after(() => rmSync(temp, { recursive: true }));

test("a load is recorded with its count and first rows, in a form that a plan reads", async () => {
  const file = join(temp, "loads.ndjson");
  process.env[RECORD_VARIABLE] = file;
  const rows = Array.from({ length: 9 }, (_, index) => ({ id: String(index) }));
  await recordLoad(load, async () => rows);
  await recordLoad(load, async () => []);
  const loads = readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const [first, second] = parseRecordedLoads(JSON.stringify({ loads }), file).loads;
  assert.equal([first?.rows, first?.sample], [9, rows.slice(0, 5)]);
  assert.equal([second?.rows, second?.columns, second?.sample], [0, ["id"], []]);
});

test("without the variable nothing is read and nothing written", async () => {
  await recordLoad(load, () => {
    throw new Error("the rows were asked for");
  });
});

test.run();
