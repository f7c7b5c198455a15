import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { root } from "../../local/paths.ts";
import { newScrape } from "../../src/cli/new-scrape.ts";
import { UserError } from "../../src/errors.ts";
import { rejects } from "../rejects.ts";

const project = mkdtempSync(join(tmpdir(), "dagline-new-"));
test.before(() => {
  cpSync(join(root, "scrapes", "_template"), join(project, "scrapes", "_template"), { recursive: true });
  mkdirSync(join(project, "scrapes", "taken"));
  writeFileSync(join(project, "scrapes", "taken", "other_dag.yml"), "");
});
test.after(() => rmSync(project, { recursive: true }));

const refused: readonly (readonly [name: string, message: RegExp, hint: RegExp])[] = [
  ["air-quality", /can't be named "air-quality"/, /: air_quality\.$/],
  ["AirQuality", /can't be named "AirQuality"/, /: airquality\.$/],
  ["2024 tides!", /can't be named/, /: tides\.$/],
  ["_private", /can't be named/, /: private\.$/],
  ["../outside", /can't be named/, /: outside\.$/],
  ["", /can't be named ""/, /a letter first\.$/],
  ["x".repeat(64), /64 characters/, /PostgreSQL takes 63/],
  ["taken", /scrapes\/taken exists already/, /another name/],
  ["other_dag", /a DAG other_dag exists already, in scrapes\/taken\/other_dag\.yml/, /another name/],
];

for (const [name, message, hint] of refused) {
  test(`the name ${JSON.stringify(name.slice(0, 20))} is refused with a way out, and nothing is made`, async () => {
    const error = await rejects(newScrape(project, name), message);
    assert.instance(error, UserError);
    assert.match((error as UserError).hint ?? "", hint);
    assert.equal(existsSync(join(project, "outside")), false);
  });
}

test("a scrape from the template brings what answers in the place of its origin", async () => {
  assert.ok((await newScrape(project, "select")).includes("scrapes/select/local.ts"));
});

test.run();
