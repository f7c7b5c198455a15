import { test } from "uvu";
import * as assert from "uvu/assert";
import { makePlan } from "../../src/plan/make-plan.ts";
import { planMarkdown, planText } from "../../src/plan/report.ts";
import type { Dag } from "../../src/scrape/model.ts";
import { makeContents, manyDag, now } from "./make-contents.ts";

test("300 changed DAGs of 1,000 give a readable comment under the limit, in well under 5 s", () => {
  const dags = (changed: number): Dag[] => Array.from({ length: 1000 }, (_, index) => manyDag(index, index < changed));
  const [before, after] = [makeContents(dags(0)), makeContents(dags(300))];
  const start = performance.now();
  const plan = makePlan(before, after, { now });
  const { body, rest } = planMarkdown(plan);
  planText(plan);
  const milliseconds = performance.now() - start;
  process.stderr.write(`300 of 1,000 DAGs: ${Math.round(milliseconds)} ms, ${body.length} characters, ${rest?.length} left out\n`);
  assert.ok(milliseconds < 5000);
  assert.is(plan.dags.length, 300);
  assert.ok(body.length < 60_000);
  assert.match(body, /\| DAGs changed \| 300 \| `dag_0000`, .* and 294 more \|/);
  assert.match(body, /\| retries `0` → `3` \| 300 \|/);
  assert.match(body, /left out/);
  assert.is(body.split("<details>").length, body.split("</details>").length);
  assert.ok(body.split("</summary>\n\n`scrapes/").length > 8);
  // Nothing is lost: what the body lacks, the rest has.
  for (const { dag } of plan.dags) assert.ok(`${body}${rest}`.includes(`<details><summary><code>${dag}</code>: `), dag);
});

test.run();
