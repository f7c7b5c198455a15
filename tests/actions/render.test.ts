import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { run } from "../../actions/render/main.ts";
import { UserError } from "../../src/errors.ts";
import { sha256 } from "../../src/ids.ts";
import { thrownBy } from "../../src/testkit/thrown-by.ts";
import { makeProject, weather } from "./project.ts";
import { testServices } from "./services.ts";

const project = makeProject();
project.write(weather.plain);
test.after(() => project.remove());

const render = async (out: string) => {
  const services = testServices({ root: project.root });
  await run({ out, "working-directory": "." }, services);
  return services;
};

test("the release is written to the folder, and its id is that of its manifest", async () => {
  const { outputs, written } = await render("build/release");
  const manifest = readFileSync(join(project.root, "build", "release", "manifest.json"));
  assert.equal(outputs, { release: sha256(manifest), dags: 1 });
  assert.match(written(), /### Release `[0-9a-f]{12}`\n\n1 DAG, \d+ files\./);
  assert.equal((await render("build/release")).outputs, outputs);
});

test("a folder that holds something else is left alone, and the step fails", async () => {
  const error = await thrownBy(render("scrapes"));
  assert.instance(error, UserError);
  assert.ok(existsSync(join(project.root, "scrapes", "weather", "weather.yml")));
});

test("what lies outside of the repository, or is all of it, is refused", async () => {
  for (const out of ["..", "../other", "/tmp/elsewhere", ".", "a/../.."]) {
    assert.match((await thrownBy(render(out))).message, /^the input `out` is .* not a folder inside the repository's$/, out);
  }
});

test("scrapes with problems fail the step with all of them, and nothing is written", async () => {
  writeFileSync(join(project.root, "scrapes", "weather", "weather.yml"), "weather: {}\n");
  const error = await thrownBy(render("other"));
  assert.match(error.message, /^the scrapes have problems\nscrapes\/weather\/weather\.yml:1:/);
  assert.not.ok(existsSync(join(project.root, "other")));
});

test.run();
