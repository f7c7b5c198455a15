/** A scrape that needs nothing from outside: it makes the numbers from 1 to 5 with their squares. Its files, by path in its folder. */
export function numbersScrape({
  schedule = '"0 5 * * *"',
  description = "Numbers",
  cube = false,
  retries = 0,
  squareType = "BIGINT",
} = {}): Record<string, string> {
  return {
    "numbers.yml": `numbers:
  owner: tests
  description: ${JSON.stringify(description)}
  schedule: ${schedule}
  start_date: 2024-01-01
  catchup: false
  callable_file: functions.ts
  config_path: config/config.json
  retries: ${retries}
  tasks:
    extract_numbers:
      callable: extract
      file_extension: csv
    load_numbers:
      dataset_name: numbers
      mode: replace
      fields:
        - { name: number, type: INTEGER }
        - { name: square, type: ${squareType} }
${cube ? "        - { name: cube, type: INTEGER }\n" : ""}      dependencies: [extract_numbers]
`,
    "functions.ts": `import { writeFile } from "node:fs/promises";
import type { ExtractContext } from "dagline";
import { line } from "./helpers.ts";

export async function extract({ output }: ExtractContext<unknown>): Promise<void> {
  const rows = [1, 2, 3, 4, 5].map(line);
  await writeFile(output, ["number,square${cube ? ",cube" : ""}", ...rows, ""].join("\\n"));
}
`,
    "helpers.ts": `export function line(number: number): string {\n  return [number, number ** 2${cube ? ", number ** 3" : ""}].join(",");\n}\n`,
    "config/config.json": "{}\n",
    "fixtures/none.csv": "number,square\n",
    "component.test.ts": `import { openTestkit } from "dagline/testkit";
import { test } from "uvu";
import * as assert from "uvu/assert";

const kit = await openTestkit(import.meta.dirname);
test.after(() => kit.close());

test("five rows are loaded", async () => {
  const rows = await kit.loadRows("numbers", "load_numbers", await kit.runExtract("numbers", "extract_numbers"));
  assert.is(rows.length, 5);
});

test.run();
`,
    "unit.test.ts": `import { test } from "uvu";
import * as assert from "uvu/assert";
import { line } from "./helpers.ts";

test("a line has the number first", () => {
  assert.match(line(2), /^2,4/);
});

test.run();
`,
    "README.md": "# Numbers\n\nThe numbers from 1 to 5.\n",
  };
}
