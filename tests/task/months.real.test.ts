import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { pythonBin, root } from "../../local/paths.ts";

const home = mkdtempSync(join(tmpdir(), "dagline-months-"));
test.after(() => rmSync(home, { recursive: true, force: true }));

test("the months of a range are listed across a year's end; an empty range, one that Airflow would not map, or what is no month, fails", () => {
  const script = `
import json, sys
from dagline_airflow.months import months_between
def tried(pair):
    try:
        return months_between(*pair)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
print(json.dumps([tried(pair) for pair in json.load(sys.stdin)]))`;
  const ranges = [
    ["2022-11", "2023-02"],
    ["2023-05", "2023-05"],
    ["2023-02", "2023-01"],
    ["1938-09", "2023-12"],
    ["1938-08", "2023-12"],
    ["2023-13", "2024-01"],
    ["2023-1", "2023-02"],
  ];
  const output = execFileSync(join(pythonBin, "python"), ["-c", script], {
    input: JSON.stringify(ranges),
    encoding: "utf8",
    env: {
      PATH: process.env.PATH,
      PYTHONPATH: join(root, "airflow"),
      AIRFLOW_HOME: home,
      PYTHONWARNINGS: "ignore",
    },
  });
  const [year, month, backwards, longest, tooLong, ...wrong] = JSON.parse(output.trim().split("\n").at(-1) ?? "") as (string | string[])[];
  assert.equal([year, month], [["2022-11", "2022-12", "2023-01", "2023-02"], ["2023-05"]]);
  assert.match(String(backwards), /^AirflowFailException: no range of months/);
  assert.is(longest?.length, 1024);
  assert.match(
    String(tooLong),
    /^AirflowFailException: from 1938-08 to 2023-12 are 1025 months, and Airflow maps a task over 1024 at most/,
  );
  for (const text of wrong) assert.match(String(text), /^AirflowFailException: a month is written YYYY-MM/);
});

test.run();
