import { test } from "uvu";
import * as assert from "uvu/assert";
import { type BackfillProgress, progressOf } from "../../src/backfill/progress.ts";
import { elapsed, progressTable } from "../../src/backfill/progress-table.ts";

/** By month of 2024, from January on. */
function at(states: readonly string[], halted: string | null = null): BackfillProgress {
  const runs = states.map((state, index) => ({ period: `2024-${String(index + 1).padStart(2, "0")}`, run_id: `run ${index}`, state }));
  return progressOf("7", runs, [], halted);
}

/** A table, and a clock that goes on by so many seconds before each row. */
function make(): { add: (seconds: number, progress: BackfillProgress) => string[] } {
  let time = 0;
  const table = progressTable(() => new Date(time));
  return {
    add(seconds, progress) {
      time += seconds * 1000;
      return table(progress);
    },
  };
}

test("a row has the time, the runs by state, and those that changed; the columns stand under their names", () => {
  const { add } = make();
  const lines = [
    ...add(2, at(["running", "queued", "waiting"])),
    ...add(5, at(["success", "running", "queued"])),
    ...add(5, at(["success", "running", "queued"])),
    ...add(3600, at(["success", "failed", "success"])),
  ];
  assert.equal(lines, [
    "    elapsed  success  failed  cancelled  running  queued  waiting  of 3 runs",
    "        2 s        0       0          0        1       1        1  2024-01 running, 2024-02 queued",
    "        7 s        1       0          0        1       1        0  2024-02 running, 2024-03 queued, 2024-01 success",
    "  1 h 0 min        2       1          0        0       0        0  2024-02 failed, 2024-03 success",
  ]);
});

test("many changes at once are cut, failed ones first, and the dates of a schedule are short", () => {
  const { add } = make();
  const all = at(["success", "success", "success", "success", "success", "failed"]);
  const [, row = ""] = add(1, { ...all, runs: all.runs.map((run) => ({ ...run, period: `${run.period}-01T06:00:00.000Z` })) });
  assert.match(row, / {2}2024-06-01T06:00Z failed, 2024-01-01T06:00Z success, .*, and 2 more$/);
});

test("the header is repeated, and after forty rows there is one a minute; a failed run and the end are told at once", () => {
  const { add } = make();
  const states = Array.from({ length: 100 }, () => "waiting");
  const printed = states.map((_, index) => add(10, at(states.fill("success", 0, index))));
  const rows = printed.flat().filter((line) => !line.includes("elapsed"));
  assert.is(printed.flat().length - rows.length, 3);
  assert.is(rows.length, 40 + 10);
  states.splice(98, 2, "running", "failed");
  assert.is(add(1, at(states)).length, 1);
  states[98] = "success";
  assert.is(add(1, at(states)).length, 1, "the end");
});

test("why no more runs are begun is said once", () => {
  const { add } = make();
  const waiting = at(["queued", "waiting"]);
  assert.is(add(1, waiting).length, 2);
  assert.equal(
    add(1, at(["queued", "waiting"], "demo was paused meanwhile")).at(-1),
    "  no more runs are begun: demo was paused meanwhile",
  );
  assert.equal(add(1, at(["queued", "waiting"], "demo was paused meanwhile")), []);
});

test("time is told in two units at most", () => {
  assert.equal([0.9, 59, 60, 125, 3600, 4800].map(elapsed), ["0 s", "59 s", "1 min 0 s", "2 min 5 s", "1 h 0 min", "1 h 20 min"]);
});

test.run();
