import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { root } from "../../local/paths.ts";
import { referenceFile, scrapeReference } from "../../scripts/scrape-reference.ts";

test("docs/scrape-reference.md is what `node scripts/scrape-reference.ts` writes", () => {
  assert.is(readFileSync(referenceFile, "utf8"), scrapeReference());
});

test("the reference names the memory that the operator gives a task", () => {
  const limit = /^HEAP_MEGABYTES = (\d+)$/m.exec(readFileSync(join(root, "airflow", "dagline_airflow", "result.py"), "utf8"))?.[1];
  assert.match(scrapeReference(), `A task has ${limit} MB of JavaScript memory`);
});

test("every key of the schema has a description for editors to show", () => {
  const bare: string[] = [];
  const visit = (value: unknown, path: string): void => {
    if (typeof value !== "object" || value === null) return;
    const properties = "properties" in value ? Object.entries(value.properties as object) : [];
    for (const [key, property] of properties) {
      if (typeof (property as { description?: unknown }).description !== "string") bare.push(`${path}.${key}`);
    }
    for (const [key, inner] of Object.entries(value)) visit(inner, `${path}.${key}`);
  };
  visit(JSON.parse(readFileSync(join(root, "schemas", "dag.schema.json"), "utf8")), "");
  assert.equal(bare, []);
});

test.run();
