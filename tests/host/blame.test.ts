import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { blame } from "../../src/host/blame.ts";
import { dagPython, makeRelease } from "./make-release.ts";

const dir = mkdtempSync(join(tmpdir(), "dagline-blame-"));
const { manifest } = makeRelease({ dags: { rows: dagPython("rows") } });
mkdirSync(join(dir, "dags"));
writeFileSync(join(dir, "dags", "rows.py"), dagPython("rows"));
test.after(() => rmSync(dir, { recursive: true, force: true }));

const traceAt = (line: number): string =>
  `Traceback (most recent call last):\n  File "${dir}/dags/rows.py", line ${line}, in <module>\n  File "/python/rows.py", line 3\nValueError: no\n`;

test("an error in a DAG file is one in the YAML line that its comment names", () => {
  const line = dagPython("rows")
    .split("\n")
    .findIndex((text) => text.includes("rows.yml:14"));
  const error = blame([{ file: "rows.py", trace: traceAt(line + 1) }], manifest, dir);
  assert.equal([error.file, error.line], ["scrapes/rows/rows.yml", 14]);
  assert.is(error.message, "DAG rows does not import: ValueError: no");
});

test("an error that names no line is one in the statement that makes the DAG", () => {
  const error = blame([{ file: "rows.py", trace: "Cycle detected in DAG: rows." }], manifest, dir);
  assert.equal([error.file, error.line], ["scrapes/rows/rows.yml", 2]);
});

test("a DAG file without comments is blamed on the YAML file that the manifest names", () => {
  writeFileSync(join(dir, "dags", "rows.py"), "raise ValueError()\n");
  const error = blame([{ file: "rows.py", trace: traceAt(1) }], manifest, dir);
  assert.equal([error.file, error.line], ["scrapes/rows/rows.yml", 1]);
});

test.run();
