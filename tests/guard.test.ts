import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

test("every test file runs what it declares", () => {
  const silent: string[] = [];
  for (const folder of ["tests", "scrapes"]) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith(".test.ts")) continue;
      const path = join(entry.parentPath, entry.name);
      const text = readFileSync(path, "utf8");
      const suites = [...text.matchAll(/^const (\w+) = suite[<(]/gm)].map((match) => match[1] ?? "");
      if (/^import \{[^}]*\btest\b[^}]*\} from "uvu"/m.test(text)) suites.push("test");
      for (const name of suites.length > 0 ? suites : ["test"]) {
        if (!new RegExp(`^${name}\\.run\\(\\)`, "m").test(text)) silent.push(`${path}: ${name}.run() is missing`);
      }
    }
  }
  assert.equal(silent, []);
});

test.run();
