import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type FailedAttempt, watchAttempts } from "../../local/attempts.ts";
import { root } from "../../local/paths.ts";
import { LONGEST_RETRY_SECONDS, nextText } from "../../local/show-attempt.ts";
import type { TaskInstance } from "../../local/task-instances.ts";

function extract(state: string | null, tryNumber: number, changes: Partial<TaskInstance> = {}): TaskInstance {
  const end_date = "2024-01-01T12:00:00Z";
  return {
    ...{ task_id: "extract", state, map_index: -1, rendered_map_index: null },
    ...{ try_number: tryNumber, max_tries: 2, end_date, pool: "default_pool", ...changes },
  };
}

/** What is told at each look: `1/3 waits`. */
function told(...looks: (readonly TaskInstance[])[]): string[][] {
  const watch = watchAttempts();
  return looks.map((look) => watch(look).map(({ number, of, next }) => `${number}/${of} ${next}`));
}

test("each failed attempt is told once, with what comes next", () => {
  const looks = [extract(null, 0), extract("running", 1), extract("up_for_retry", 1), extract("up_for_retry", 1)];
  const more = [extract("queued", 2), extract("running", 2), extract("up_for_retry", 2), extract("running", 3), extract("failed", 3)];
  assert.equal(told(...[...looks, ...more].map((task) => [task])), [[], [], ["1/3 waits"], [], [], [], ["2/3 waits"], [], ["3/3 none"]]);
});

test("an attempt that failed and was followed by the next between two looks is told, too", () => {
  assert.equal(told([extract("running", 1)], [extract("running", 3)]), [[], ["1/3 begun", "2/3 begun"]]);
  assert.equal(told([extract("running", 1)], [extract("success", 2)]), [[], ["1/3 begun"]]);
});

test("a run that has failed before the first look is told at it", () => {
  assert.equal(told([extract("up_for_retry", 1)]), [["1/3 waits"]]);
});

test("a run that was cleared counts its attempts anew", () => {
  const more = { max_tries: 5 };
  assert.equal(told([extract(null, 3, more)], [extract("up_for_retry", 4, more)], [extract("failed", 6, more)]), [
    [],
    ["1/3 waits"],
    ["2/3 begun", "3/3 none"],
  ]);
});

test("a task that waits for its data, is skipped, or stands behind a failed one has not failed", () => {
  for (const state of ["up_for_reschedule", "skipped", "upstream_failed", "success"]) assert.equal(told([extract(state, 1)]), [[]]);
});

test("mapped tasks of one name are told apart", () => {
  const month = (index: number): TaskInstance => extract("up_for_retry", 1, { map_index: index });
  assert.equal(told([month(0)], [month(0), month(1)]), [["1/3 waits"], ["1/3 waits"]]);
});

const attempt = (next: FailedAttempt["next"], number = 1) => ({ next, number, of: 3, task: extract("up_for_retry", number) });
const now = new Date("2024-01-01T12:00:01Z");

test("the next attempt is told with its time, and that a host waits longer", () => {
  assert.match(
    nextText(attempt("waits"), LONGEST_RETRY_SECONDS, now, false),
    /^It is tried again in 4 s, at \d\d:\d\d:05\. On this machine .* 5 s at most/,
  );
  assert.match(nextText(attempt("waits"), 2, now, false), /^It is tried again in 1 s, at \d\d:\d\d:02\.$/);
});

test("an attempt without another says why there is none", () => {
  assert.is(nextText(attempt("none", 3), undefined, now, false), "That was the last attempt.");
  assert.match(nextText(attempt("none", 1), undefined, now, false), /^A retry would not help/);
  assert.match(nextText(attempt("waits"), undefined, now, true), /--no-retries/);
});

test("the retries of this machine wait as long as is said", () => {
  const policy = readFileSync(join(root, "local", "airflow_local_settings.py"), "utf8");
  assert.match(policy, `datetime.timedelta(seconds=${LONGEST_RETRY_SECONDS})`);
});

test.run();
