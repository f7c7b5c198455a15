import { test } from "uvu";
import * as assert from "uvu/assert";
import { checkFiles, edited, weather } from "./check-files.ts";

/** A right DAG file with one slip; what is said about it and where: `on` is the text that the problem points at. */
export interface Slip {
  readonly title: string;
  readonly edits: readonly (readonly [string, string])[];
  readonly code: string;
  readonly on: string;
  readonly says: RegExp;
  /** Other problems that follow from the same slip. */
  readonly also?: readonly string[];
}

export function slip(title: string, from: string, to: string, code: string, on: string, says: RegExp, ...also: string[]): Slip {
  return { title, edits: [[from, to]], code, on, says, also };
}

/** One test for each slip: its problem, its place, and that it is the only one. */
export function testSlips(slips: readonly Slip[]): void {
  for (const { title, edits, code, on, says, also = [] } of slips) {
    test(`${code}: ${title}`, async () => {
      const text = edited(...edits);
      const before = text.slice(0, text.indexOf(on)).split("\n");
      const { problems, scrapes } = await checkFiles({ weather: weather({ "weather.yml": text }) });
      const found = problems.find((problem) => problem.code === code);
      assert.ok(found, `no ${code} among ${JSON.stringify(problems)}`);
      assert.is(`${found.line}:${found.column}`, `${before.length}:${(before.at(-1)?.length ?? 0) + 1}`);
      assert.match(`${found.message}\n${found.hint}`, says);
      assert.is(found.file, "scrapes/weather/weather.yml");
      assert.is(scrapes.length, 0);
      const others = problems.map((problem) => problem.code).filter((other) => other !== code && !also.includes(other));
      assert.equal(others, [], `one slip is one problem: ${JSON.stringify(problems, null, 1)}`);
    });
  }
}
