import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { actionsPage, withActionTables, withOverview } from "../../scripts/action-tables.ts";

test("a page without the tables of an action is refused", () => {
  const page = readFileSync(actionsPage, "utf8").replace("<!-- action: drift -->", "");
  assert.throws(() => withActionTables(page), "the actions are");
});

test("a README without a place for the actions is refused", () => {
  assert.throws(() => withOverview("# dagline"), "no place for the actions");
});

test.run();
