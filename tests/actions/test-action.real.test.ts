import { cpSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { run } from "../../actions/test/main.ts";
import { root } from "../../local/paths.ts";
import { newScrape } from "../../src/cli/new-scrape.ts";
import { UserError } from "../../src/errors.ts";
import { parseRecordedLoads } from "../../src/plan/recorded-loads.ts";
import { rowChanges } from "../../src/plan/rows.ts";
import { thrownBy } from "../../src/testkit/thrown-by.ts";
import { makeRepository, type Repository } from "./repository.ts";
import { type TestServices, testServices } from "./services.ts";

const inputs = { base: "", all: false, folder: "preview", "working-directory": "." };
let repository: Repository;
let base: string;

test.before(async () => {
  repository = makeRepository();
  cpSync(join(root, "scrapes", "_template"), join(repository.root, "scrapes", "_template"), { recursive: true });
  for (const name of ["harbour", "quay"]) await newScrape(repository.root, name);
  mkdirSync(join(repository.root, "node_modules"));
  symlinkSync(root, join(repository.root, "node_modules", "dagline"));
  for (const name of ["uvu", "@duckdb"]) symlinkSync(join(root, "node_modules", name), join(repository.root, "node_modules", name));
  base = repository.commit({ ".gitignore": "node_modules\n.local/\npreview/\n" });
});
test.after(() => repository.remove());

const textOf = (path: string): string => readFileSync(join(repository.root, path), "utf8");
const pullRequest = (): TestServices =>
  testServices({ root: repository.root, run: { payload: { pull_request: { base: { sha: base } } } } });
const loads = (file: string) => parseRecordedLoads(textOf(`preview/${file}`), file);

test("a failing assertion is an annotation on its line, the table is in the summary, and what was loaded before and after is written", async () => {
  const [unit, component, fixture] = ["unit.test.ts", "component.test.ts", "fixtures/measurements.json"].map(
    (file) => `scrapes/harbour/${file}`,
  );
  const failing = `assert.is(literal("o'clock"), "x");`;
  const text = textOf(unit ?? "").replace(/assert\.is\(literal\(.*\);/, failing);
  repository.commit({
    [unit ?? ""]: text,
    [component ?? ""]: textOf(component ?? "").replaceAll("3.4", "4.5"),
    [fixture ?? ""]: textOf(fixture ?? "").replaceAll("3.4", "4.5"),
  });
  const services = pullRequest();
  const error = await thrownBy(run(inputs, services));
  assert.instance(error, UserError, error.stack);
  assert.is(error.message, "1 of the scrapes' tests failed");
  assert.equal(services.outputs, { scrapes: "harbour", failed: 1 });
  const [annotation, ...others] = services.annotations;
  const line = 1 + text.split("\n").findIndex((each) => each.includes(failing));
  assert.equal(
    [others, annotation?.severity, annotation?.file, annotation?.line, annotation?.title],
    [[], "error", unit, line, "a quote stays text"],
  );
  assert.ok((annotation?.column ?? 0) > 1);
  assert.match(services.written(), /The scrapes that the change affects: `harbour`\.\n\n\| {2}\| file \| passed \| failed \| seconds \|/);
  assert.match(services.written(), /\| ✗ \| `scrapes\/harbour\/unit\.test\.ts` \| 1 \| 1 \| \d+\.\d \|/);
  assert.match(services.written(), /\| ✓ \| `scrapes\/harbour\/component\.test\.ts` \| 4 \| 0 \| \d+\.\d \|/);
  assert.not.match(services.written(), /quay|_template/);
  const cells = rowChanges(loads("rows-before.json"), loads("rows-after.json")).flatMap(({ sample }) =>
    sample.flatMap(({ cells }) => cells),
  );
  assert.equal(cells[0], { column: "temperature_celsius", before: "3.4", after: "4.5" });
});

test("cancelling the workflow ends the tests, and is said to be the reason", async () => {
  const controller = new AbortController();
  const services = { ...pullRequest(), signal: controller.signal };
  const running = thrownBy(run(inputs, services));
  controller.abort(new UserError("the workflow was cancelled"));
  assert.is((await running).message, "the workflow was cancelled");
});

test.run();
